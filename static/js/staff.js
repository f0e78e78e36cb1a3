/** The staff's page: signs in, then keeps <staff-desk> showing what the client knows. */
import "../components/staff-desk.js"
import { Api } from "./api.js"
import { ChatClient } from "./client.js"
import { nameOf } from "./format.js"
import { inboxOf } from "./inbox-view.js"
import { linesOf } from "./lines.js"
import { newClientId } from "./outbox.js"
import { problemOf } from "./problems.js"
import { has, language, t } from "./texts.js"

const PAGE = 100
const CLOCK_MS = 15_000 // how often waiting times are drawn anew
const NOTICE_MS = 6_000
const PRESENCE_KEY = "cts-presence"

const api = new Api("staff")
const client = new ChatClient("staff")
const desk = document.querySelector("staff-desk")
const entrance = document.querySelector("[data-entrance]")
const form = entrance.querySelector("form")
const menu = JSON.parse(desk.dataset.menu)
const pageTitle = document.title

let filter = "queue"
let selected = null
let closed = { chats: new Set(), after: null, more: false, loading: false } // the closed chats listed so far
let listing = false
let notice = null
let noticeTimer = null
const drafts = new Map() // chat → what was being written

// --- signing in and out ------------------------------------------------------------------------------------------------

async function meet() {
  const { me } = await api.get("session")
  document.querySelector("[data-opening]").hidden = true
  if (me.kind === "staff") return enter(me)
  desk.hidden = true
  entrance.hidden = false
  form.elements.login.focus()
}

async function enter(me) {
  const next = menu.find(({ slug }) => slug === new URLSearchParams(location.search).get("next"))
  if (next) return location.replace(`/staff/${next.slug}`)
  entrance.hidden = true
  desk.hidden = false
  document.querySelector("[data-opening]").hidden = true
  form.reset()
  await client.start(me)
  const chat = Number(location.hash.match(/^#chat-(\d+)$/)?.[1])
  if (chat) select(chat)
  draw()
}

async function signIn(event) {
  event.preventDefault()
  const { login, password } = form.elements
  const empty = [login, password].find((field) => !field.value)
  if (empty) return empty.focus()
  const error = form.querySelector("[data-error]")
  const button = form.querySelector("button")
  button.disabled = true
  error.hidden = true
  try {
    const { me } = await api.post("session", { login: login.value, password: password.value })
    if (me.kind === "staff") {
      await enter(me)
      return keepPlace()
    }
    error.textContent = t("staff.not_staff")
    error.hidden = false
  } catch (refusal) {
    if (typeof refusal.code !== "string") throw refusal
    error.textContent = problemOf(refusal).text || t("error.unauthorized")
    error.hidden = false
    password.select()
  } finally {
    button.disabled = false
  }
}

/** Whoever opens the desk is there, unless they have said otherwise: a disconnection has set them off meanwhile. */
function appear() {
  const wanted = localStorage.getItem(PRESENCE_KEY) ?? "online"
  if (client.replica.staff.get(client.me.id)?.state !== wanted) setPresence(wanted)
}

function setPresence(state) {
  localStorage.setItem(PRESENCE_KEY, state)
  client
    .command("presence.set", { state })
    .catch(() => {})
    .finally(draw)
}

async function leave() {
  localStorage.removeItem(PRESENCE_KEY)
  client.stop()
  await api.delete("session").then(
    () => client.signOut(),
    () => {},
  )
  await gone()
}

async function gone() {
  client.forget()
  selected = null
  drafts.clear()
  desk.clear() // hidden is not enough: the next person sits at the same machine
  history.replaceState(null, "", location.pathname)
  document.title = pageTitle
  await meet()
}

// --- the inbox ---------------------------------------------------------------------------------------------------------

/** All open chats, page by page; the changes since then come by themselves. */
async function listInbox() {
  listing = true
  try {
    let after
    do {
      const page = await client.command("inbox.list", {
        filter: "all",
        sort: "waiting",
        limit: PAGE,
        ...(after && { after }),
      })
      client.replica.inboxPage(page, { first: true })
      after = page.more ? page.rows.at(-1)?.chat : null
    } while (after)
  } catch (error) {
    if (typeof error.code !== "string") throw error // else the next hello asks again
  } finally {
    listing = false
    draw()
  }
}

async function listClosed() {
  if (closed.loading) return
  closed.loading = true
  try {
    const page = await client.command("inbox.list", {
      filter: "closed",
      sort: "recent",
      limit: PAGE,
      ...(closed.after && { after: closed.after }),
    })
    client.replica.inboxPage(page, { first: true })
    for (const { chat } of page.rows) closed.chats.add(chat)
    closed = { ...closed, after: page.rows.at(-1)?.chat ?? closed.after, more: page.more }
  } catch (error) {
    if (typeof error.code !== "string") throw error
  } finally {
    closed.loading = false
    draw()
  }
}

function inboxView() {
  const loading = filter === "closed" ? closed.loading : listing
  return { ...inboxOf(client.replica, filter), filter, selected, more: filter === "closed" && closed.more, loading }
}

// --- one chat ----------------------------------------------------------------------------------------------------------

function select(chat) {
  const before = selected
  if (selected !== null && desk.composer) drafts.set(selected, desk.composer.draft)
  selected = chat
  notice = null
  history.replaceState(null, "", chat === null ? location.pathname : `#chat-${chat}`)
  client.watch(chat)
  draw()
  if (chat === null) return desk.querySelector(`.row[data-chat="${before}"]`)?.focus()
  desk.composer.draft = drafts.get(chat) ?? ""
  desk.composer.focus()
  keepPlace()
}

/** What had the focus may be gone or hidden; a keyboard's place must not be. */
function keepPlace() {
  const here = document.activeElement
  if (here !== document.body && here.checkVisibility()) return
  const places = ["chat-composer:not([hidden]) textarea", ".chat-top__actions button", ".filter[aria-pressed=true]"]
  places.map((place) => desk.querySelector(place)).find((place) => place?.checkVisibility())?.focus()
}

function chatView() {
  if (selected === null) return null
  const chat = client.replica.chat(selected)
  const row = client.replica.inbox.rows.get(selected)
  const state = chat.state ?? (row && { ...row, id: row.chat })
  const open = state && state.status !== "closed"
  const mine = state?.assignee?.id === client.me.id
  return {
    id: selected,
    state,
    name: state ? nameOf(state.customer) : t("staff.chat_number", { id: selected }),
    thread: {
      key: selected,
      lines: linesOf(client.replica, [chat], client.unsent(selected)),
      typing: [...chat.typing.values()].map(({ sender }) => nameOf(sender)),
      older: chat.log().oldest > 1,
      names: true,
    },
    can: { claim: open && !state.assignee, close: open, reopen: state && !open, write: open },
    hint:
      !open || mine
        ? null
        : state.assignee
          ? t("staff.hint_other", { name: nameOf({ kind: "staff", ...state.assignee }) })
          : t("staff.hint_claim"),
    notice,
  }
}

/**
 * Claim, close or reopen what is on the screen. The server compares state_version; when only the number was old and the
 * screen showed the truth (our own reply has just claimed the chat), the same is asked once more.
 */
async function act(type, data = {}, again = true) {
  const chat = client.replica.chat(selected)
  const { status, assignee, state_version } = chat.state ?? client.replica.inbox.rows.get(selected) ?? {}
  const client_id = newClientId()
  try {
    const reply = await client.command(type, { chat: chat.id, if_version: state_version, client_id, ...data })
    const state = reply.state ?? reply.chat
    if (state?.id) client.replica.setState(state)
  } catch (error) {
    if (typeof error.code !== "string") throw error
    const now = error.extra?.chat
    if (now?.id) client.replica.setState(now)
    if (again && now && now.status === status && now.assignee?.id === assignee?.id) return act(type, data, false)
    say(has(`staff.refused_${error.code}`) ? t(`staff.refused_${error.code}`) : t("staff.refused"))
  }
  draw()
  keepPlace()
}

function say(text) {
  notice = text
  clearTimeout(noticeTimer)
  noticeTimer = setTimeout(() => {
    notice = null
    draw()
  }, NOTICE_MS)
}

/** The next or the previous chat of the list: Alt+J and Alt+K. */
function step(by) {
  const chats = inboxView().rows.map(({ chat }) => chat)
  if (!chats.length) return
  const at = chats.indexOf(selected)
  select(chats[at < 0 ? 0 : (at + by + chats.length) % chats.length])
}

// --- drawing and events ------------------------------------------------------------------------------------------------

function draw() {
  const { me } = client
  if (me?.kind !== "staff") return
  const own = client.replica.staff.get(me.id)
  const inbox = inboxView()
  const languages = ["ru", "en"].map((code) => {
    return { code, url: desk.dataset[code] + location.hash, current: code === language } // with the chat
  })
  desk.view = {
    shop: desk.dataset.shop,
    languages,
    menu: menu.filter(({ rights }) => !rights.length || me.role === "owner" || rights.some((right) => me.rights?.includes(right))),
    me,
    presence: own?.state ?? "online",
    colleagues: [...client.replica.staff.values()].filter(({ id }) => id !== me.id),
    offline: client.offline,
    inbox,
    chat: chatView(),
  }
  document.title = inbox.unread ? `(${inbox.unread}) ${pageTitle}` : pageTitle
}

/** Messages are kept in the order written, although keeping takes a moment. */
let writing = Promise.resolve()
const actions = {
  filter: ({ filter: name }) => {
    filter = name
    if (name === "closed" && !closed.chats.size) listClosed()
    draw()
  },
  choose: ({ chat }) => select(chat),
  deselect: () => select(null),
  more: listClosed,
  presence: ({ state }) => setPresence(state),
  leave,
  claim: () => act("chat.claim"),
  "close-chat": () => act("chat.close", { reason: "solved" }),
  "reopen-chat": () => act("chat.reopen"),
  message: ({ text }) => {
    const [chat, seen] = [selected, desk.thread.seenSeq]
    writing = writing
      .catch(() => {})
      .then(() => client.write(chat, text, { seen }))
      .catch((error) => {
        if (chat === selected) desk.composer.draft = [text, desk.composer.draft].filter(Boolean).join("\n") // nothing is lost
        throw error
      })
  },
  typing: () => client.typing(selected),
  drafted: ({ text }) => drafts.set(selected, text),
  seen: ({ chat, seq }) => document.hidden || client.sawUpTo(chat, seq),
  history: () => client.history(selected),
  retry: ({ client_id }) => client.outbox.retry(client_id),
  force: ({ client_id }) => client.outbox.retry(client_id, { force: true }),
  discard: ({ client_id }) => client.outbox.discard(client_id),
}

for (const [name, action] of Object.entries(actions)) desk.addEventListener(name, ({ detail }) => action(detail))
form.addEventListener("submit", signIn)
client.addEventListener("hello", appear)
client.addEventListener("list", () => {
  closed = { chats: new Set(), after: null, more: false, loading: false }
  listInbox().then(() => filter === "closed" && listClosed())
})
client.addEventListener("change", draw)
client.addEventListener("stopped", gone)
document.addEventListener("visibilitychange", draw)
document.addEventListener("keydown", (event) => {
  if (event.altKey && event.code === "KeyJ") step(1)
  else if (event.altKey && event.code === "KeyK") step(-1)
  else return
  event.preventDefault()
})
setInterval(draw, CLOCK_MS)
meet().catch((error) => console.error(error))
