/** Every page of the shop: who is here, the chat widget, and what stands around the page. Pages' own scripts use `api`. */
import "../components/chat-widget.js"
import { Api } from "./api.js"
import { ChatClient } from "./client.js"
import { nameOf } from "./format.js"
import { linesOf, unreadCount } from "./lines.js"
import { refresh, say, shown } from "./parts.js"
import { problemOf } from "./problems.js"
import { setupSearch } from "./store/search.js"
import { MERGED_KEY } from "./store/merged.js"
import { t } from "./texts.js"

export const api = new Api("shop")
const client = new ChatClient("shop")
const widget = document.querySelector("chat-widget")
const accountButton = document.querySelector("[data-account]")
const title = document.title
const OPEN_KEY = "cts-widget-open"
const DRAFT_KEY = "cts-draft"

let account = { me: null, busy: false, problem: null }
let problem = null // of the chat itself: there is no session to write with
let sessionPromise = null

// --- who is here -------------------------------------------------------------------------------------------------------

/** Connect whoever already has a session; a visitor gets one only with the first look into the chat. */
async function meet() {
  const { me } = await api.get("session")
  account.me = me
  if (me.kind === "guest" || me.kind === "user") await client.start(me)
  else client.startVisitor()
  draw()
}

/** Hear of what the page shows of the store: parts.js draws it anew. */
function watch() {
  const { wanted, seen } = shown()
  client.watchStore(wanted, seen)
}

/** A session to write, and to fill a cart, with. One for all tabs: the second one finds the first one's cookie. */
export function ensureSession() {
  if (client.me) return Promise.resolve()
  sessionPromise ??= alone("cts-guest", async () => {
    if (client.me) return
    let { me } = await api.get("session")
    if (me.kind === "visitor") me = (await api.post("session/guest")).me
    account.me = me
    await client.start(me)
  }).finally(() => (sessionPromise = null))
  return sessionPromise
}

/** Forms to sign in by that stand on the page itself. */
const pageForms = () => [...document.querySelectorAll("[data-page-account]")]
const alone = (name, work) => (navigator.locks ? navigator.locks.request(name, work) : work())

/** The server wants nobody with this session: it ended here or elsewhere. */
async function lostSession() {
  client.forget()
  if (account.me?.kind === "user") forgetDraft()
  account = { me: null, busy: false, problem: null }
  draw()
  await meet().catch(() => {})
  refresh("account")
}

/** Register or sign in, by the form in the widget or by one on the page. */
async function enter(request, isInWidget) {
  account = { ...account, busy: true, problem: null }
  draw()
  try {
    const { me, audience, merged } = await request()
    if (audience === "staff") return location.assign("/staff")
    account = { me, busy: false, problem: null }
    await client.becomes(me)
    if (isInWidget) widget.open("chat")
    keepReport(merged)
    await refresh("account")
  } catch (error) {
    if (typeof error.code !== "string") throw error
    account = { ...account, busy: false, problem: problemOf(error) }
  }
  draw()
}

/** What became of two carts that are one now: said here, and told in full by the cart's page. */
function keepReport(merged) {
  if (!merged?.cart_lines.some(({ guest, user }) => guest && user)) return
  sessionStorage.setItem(MERGED_KEY, JSON.stringify(merged.cart_lines))
  say(t("cart.merged"))
}

export async function leave() {
  account = { ...account, busy: true }
  draw()
  client.stop() // or the server's goodbye would come first
  // If the server could not be reached, nobody was signed out, and asking who is here finds them again.
  await api.delete("session").then(left, lostSession)
  if (widget.isOpen) widget.open("account") // the pressed button is gone; the keyboard's place must not be
}

/** The session has been ended from here: nothing of the person stays behind in this browser. */
export async function left() {
  await client.signOut()
  await lostSession()
}

/** Nothing of what was being written stays for the next person at this browser. */
function forgetDraft() {
  widget.draft = ""
  sessionStorage.removeItem(DRAFT_KEY)
}

// --- the chat ----------------------------------------------------------------------------------------------------------

const isOpen = (chat) => (chat.state?.status ?? "queued") !== "closed"

/** Our chats in the order in which they were opened; one that is open stands last. */
function ownChats() {
  const chats = [...client.replica.chats.values()].filter((chat) => chat.state || chat.log().applied)
  return chats.sort((one, other) => isOpen(one) - isOpen(other) || one.id - other.id)
}

const currentChat = () => ownChats().at(-1) ?? null

const openChat = () => {
  const chat = currentChat()
  return chat && isOpen(chat) ? chat.id : null
}

/** Earlier chats stand above the present one, once all of that is loaded. */
function shownChats() {
  const chats = ownChats()
  const begin = chats.findLastIndex((chat) => chat.log().oldest > 1)
  return chats.slice(Math.max(0, begin))
}

async function write(text) {
  try {
    await ensureSession()
    problem = null
    await client.write(openChat(), text)
  } catch (error) {
    problem = error.code ? problemOf(error).text : t("error.other")
    widget.draft = [text, widget.draft].filter(Boolean).join("\n") // give it back rather than lose it
    draw()
    if (typeof error.code !== "string") throw error
  }
}

function sawThread({ chat, seq }) {
  if (client.me && widget.isReading && !document.hidden) client.sawUpTo(chat, seq)
}

function draw() {
  const chat = currentChat()
  const { replica } = client
  const chats = shownChats()
  const lines = client.me ? linesOf(replica, chats, client.unsent()) : []
  const unread = chat && client.me ? unreadCount(replica, chat) : 0
  widget.view = {
    thread: {
      key: "own",
      lines,
      typing: chat ? [...chat.typing.values()].map(({ sender }) => nameOf(sender)) : [],
      older: chats[0]?.log().oldest > 1,
      names: true,
    },
    unread,
    preview: unread ? lines.findLast((line) => line.kind === "message" && !line.mine && !line.deleted) : null,
    status: chat?.state?.status ?? null,
    assignee: chat?.state?.assignee ?? null,
    offline: client.offline,
    problem,
    account,
  }
  document.title = unread ? `(${unread}) ${title}` : title
  for (const form of pageForms()) form.view = account
  accountButton.querySelector("[data-account-name]").textContent =
    account.me?.kind === "user" ? nameOf(account.me) || t("account.title") : t("account.enter")
}

/** Nine messages by Enter are kept in the order written, although keeping takes a moment. */
let writing = Promise.resolve()

const actions = {
  opened: () => {
    sessionStorage.setItem(OPEN_KEY, "1")
    if (widget.isReading) ensureSession().catch(() => {})
  },
  closed: () => sessionStorage.removeItem(OPEN_KEY),
  message: ({ text }) => (writing = writing.then(() => write(text)).catch((error) => console.error(error))),
  typing: () => client.typing(openChat()),
  drafted: ({ text }) => sessionStorage.setItem(DRAFT_KEY, text),
  seen: sawThread,
  history: () => client.history(shownChats()[0].id),
  // A chat that was closed takes nothing more: the same message begins the next one.
  retry: ({ client_id, error }) => client.outbox.retry(client_id, error === "closed" ? { chat: null } : {}),
  discard: ({ client_id }) => client.outbox.discard(client_id),
  "sign-out": leave,
  "forget-problem": () => {
    account = { ...account, problem: null }
    draw()
  },
}

const paths = { register: "users", "sign-in": "session" }

for (const [name, act] of Object.entries(actions)) document.addEventListener(name, ({ detail }) => act(detail))
for (const [name, path] of Object.entries(paths)) {
  document.addEventListener(name, ({ detail, target }) => enter(() => api.post(path, detail), widget.contains(target)))
}
document.addEventListener("click", (event) => {
  const ask = event.target.closest("[data-ask]")
  if (ask) {
    widget.open("chat")
    if (ask.dataset.ask && !widget.draft) widget.draft = ask.dataset.ask
  }
  // Whoever is nobody yet signs in without leaving the page; on the account's own page the form stands there already.
  const door = event.target.closest("[data-account], [data-enter]")
  if (door && account.me?.kind !== "user" && !pageForms().length) {
    event.preventDefault()
    widget.open("account")
  }
})
document.addEventListener("part-placed", () => {
  draw()
  watch()
})
setupSearch(api)
client.addEventListener("hello", () => (account = { ...account, me: client.me }))
client.addEventListener("change", draw)
client.addEventListener("stopped", lostSession)
document.addEventListener("visibilitychange", draw)

draw()
widget.draft = sessionStorage.getItem(DRAFT_KEY) ?? ""
const isWide = matchMedia("(min-width: 640px)").matches
if (isWide && sessionStorage.getItem(OPEN_KEY)) widget.open("chat")
watch()
meet().catch((error) => console.error(error))
