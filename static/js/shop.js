/** The shop's pages: brings the chat widget and the account button to life. Scripts of single pages use `watchStore`. */
import "../components/chat-widget.js"
import { Api } from "./api.js"
import { ChatClient } from "./client.js"
import { nameOf } from "./format.js"
import { linesOf, unreadCount } from "./lines.js"
import { problemOf } from "./problems.js"
import { t } from "./texts.js"

const api = new Api("shop")
const client = new ChatClient("shop")
export const watchStore = (wanted, seen) => client.watchStore(wanted, seen) // see store-watch.js
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

/** A session to write with. One for all tabs: the second one finds the first one's cookie. */
function ensureSession() {
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

const alone = (name, work) => (navigator.locks ? navigator.locks.request(name, work) : work())

/** The server wants nobody with this session: it ended here or elsewhere. */
async function lostSession() {
  client.forget()
  if (account.me?.kind === "user") forgetDraft()
  account = { me: null, busy: false, problem: null }
  draw()
  await meet().catch(() => {})
}

async function enter(request) {
  account = { ...account, busy: true, problem: null }
  draw()
  try {
    const { me, audience } = await request()
    if (audience === "staff") return location.assign("/staff")
    account = { me, busy: false, problem: null }
    await client.becomes(me)
    widget.open("chat")
  } catch (error) {
    if (typeof error.code !== "string") throw error
    account = { ...account, busy: false, problem: problemOf(error) }
  }
  draw()
}

async function leave() {
  account = { ...account, busy: true }
  draw()
  client.stop() // or the server's goodbye would come first
  await api.delete("session").then(
    () => client.signOut(),
    () => {},
  )
  await lostSession() // if the server could not be reached, nobody was signed out, and this finds them again
  if (widget.isOpen) widget.open("account") // the pressed button is gone; the keyboard's place must not be
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
  accountButton.hidden = false
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
  register: (values) => enter(() => api.post("users", values)),
  "sign-in": (values) => enter(() => api.post("session", values)),
  "sign-out": leave,
  "forget-problem": () => {
    account = { ...account, problem: null }
    draw()
  },
}

for (const [name, act] of Object.entries(actions)) widget.addEventListener(name, ({ detail }) => act(detail))
accountButton.addEventListener("click", () => widget.open("account"))
for (const button of document.querySelectorAll("[data-ask]")) {
  button.addEventListener("click", () => {
    widget.open("chat")
    if (button.dataset.ask && !widget.draft) widget.draft = button.dataset.ask
  })
}
client.addEventListener("hello", () => (account = { ...account, me: client.me }))
client.addEventListener("change", draw)
client.addEventListener("stopped", lostSession)
document.addEventListener("visibilitychange", draw)

draw()
widget.draft = sessionStorage.getItem(DRAFT_KEY) ?? ""
const isWide = matchMedia("(min-width: 640px)").matches
if (isWide && sessionStorage.getItem(OPEN_KEY)) widget.open("chat")
meet().catch((error) => console.error(error))
