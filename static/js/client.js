/**
 * A chat client without a page: the socket, the replica and the outbox put together. Used by the shop and by the staff.
 *
 *   const client = new ChatClient("shop"); await client.start(me); client.addEventListener("change", draw)
 *   client.write(12, "Здравствуйте"); client.replica.chat(12).entries(); client.outbox.rows
 *
 * Events: "change" (something to draw again; many changes make one), "hello" (connected), "list" (staff: list the inbox
 * anew), "stopped" (the server wants nobody with these credentials: ask the session who we are).
 */
import { lastForeign } from "./lines.js"
import { Marks } from "./marks.js"
import { browserStore } from "./outbox-store.js"
import { Outbox } from "./outbox.js"
import { Replica } from "./replica.js"
import { Socket } from "./socket.js"
import { StoreWatch } from "./store-watch.js"

const TYPING_MS = 3_000
const LEAFING_MS = 250
const CALM_MS = 1_000 // a shorter loss of connection is not worth a word

/** Under which name a person's unsent messages are kept. */
const ownerOf = (me) => (me ? `${me.kind}/${me.id ?? "new"}` : null)
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

export class ChatClient extends EventTarget {
  replica = new Replica()
  outbox
  offline = false // for longer than a moment
  #audience
  #socket
  #store
  #marks
  #watched = new Set() // staff: the chat that is on the screen
  #followed = new Set() // and those that this connection is sent
  #chosenAt = 0
  #echoes = new Map() // client_id → {row, seq}: acknowledged, its event still on the way
  #typed = new Map()
  #names = Promise.resolve() // changes of the outbox's owner, one after another
  #connection = 0
  #catchingUp = false
  #drawing = null
  #offlineTimer = null

  constructor(audience) {
    super()
    this.#audience = audience
    const address = new URL(audience === "staff" ? "/ws?as=staff" : "/ws", location.href)
    address.protocol = address.protocol.replace("http", "ws")
    this.#socket = new Socket({
      url: address.href,
      hello: (fresh) => this.#hello(fresh),
      onHello: (reply, fresh) => this.#greeted(reply, fresh),
      onFrame: (frame) => this.#received(frame),
      onState: (state) => this.#stateChanged(state),
      onClosed: (code, next) => next === "stop" && this.dispatchEvent(new CustomEvent("stopped", { detail: { code } })),
    })
    this.#store = new StoreWatch((handlers) => new Socket({ url: address.href, ...handlers }))
    this.#marks = new Marks((type, data) => this.#socket.tell(type, data))
    document.addEventListener("visibilitychange", () => !document.hidden && this.#wake())
    addEventListener("pageshow", () => this.#wake())
    addEventListener("online", () => this.#wake())
    addEventListener("offline", () => this.#wake()) // the socket itself would notice much later
  }

  get me() {
    return this.replica.me
  }

  get ready() {
    return this.#socket.ready
  }

  /** Connect as this person, as the session names them. */
  async start(me) {
    if (!this.outbox) {
      const store = await browserStore(`cts-outbox-${this.#audience}`)
      this.outbox = new Outbox({ store, send: (row) => this.#send(row), onChange: () => this.#changed() })
    }
    this.replica.me = me
    await this.#rename(null, me)
    this.#store.endVisit()
    this.#socket.start()
  }

  /** Nobody is signed in: what the page wants to hear of the store comes by a socket without a session. */
  startVisitor() {
    this.#store.visit()
  }

  /** Hear of products, the cart, orders and the catalogue by events on the document: see store-watch.js. */
  watchStore(wanted, seen) {
    this.#store.want(wanted, seen)
  }

  stop() {
    this.#socket.stop()
  }

  /** Leave, and leave nothing of this person behind in this browser. */
  async signOut() {
    this.stop()
    await this.outbox?.wipe()
    this.forget()
  }

  /** The person has gone (signed out here or elsewhere). Unsent messages stay with their owner. */
  forget() {
    this.stop()
    this.replica.clear()
    this.replica.me = null
    this.#names = this.#names.then(() => this.outbox?.setOwner(null))
    this.#watched.clear()
    this.#echoes.clear()
    this.#marks.clear()
    this.#changed()
  }

  /** A REST answer says that the same browser is now somebody else: a guest registered or signed in. */
  async becomes(to) {
    const from = this.me
    if (ownerOf(from) === ownerOf(to)) return
    if (!from) return this.start(to)
    await this.#rename(from, to)
    if (ownerOf(this.me) !== ownerOf(to)) this.#socket.restart({ fresh: true })
  }

  /** A command with a reply; rejects with CommandError. */
  command(type, data) {
    return this.#socket.command(type, data)
  }

  /** Keep a message and send it as soon as possible. `chat` null: the own open chat, or a new one. */
  write(chat, text, { seen } = {}) {
    this.#typed.delete(chat)
    return this.outbox.add({ chat, text, seen })
  }

  /** What of the outbox stands below the entries of a chat; without `chat` all of it, also of chats not yet known. */
  unsent(chat) {
    const echoes = [...this.#echoes.values()].map(({ row }) => row)
    const waiting = this.outbox?.rows.filter((row) => !this.#echoes.has(row.client_id)) ?? []
    return [...echoes, ...waiting].filter((row) => chat === undefined || row.chat === chat)
  }

  /** Everything up to `seq` was seen on a visible page. */
  sawUpTo(chat, seq) {
    const foreign = lastForeign(this.replica, this.replica.chat(chat), seq)
    if (!foreign) return
    this.#marks.read(chat, foreign)
    if (this.me?.kind === "staff") this.replica.readInbox(chat, foreign)
  }

  typing(chat) {
    if (chat === null || Date.now() - (this.#typed.get(chat) ?? 0) < TYPING_MS) return
    this.#typed.set(chat, Date.now())
    this.#socket.tell("typing", { chat, on: true })
  }

  /** Load the page of entries before the oldest that is known. */
  async history(chat) {
    const question = this.replica.history(chat)
    if (question && this.ready) await this.#ask(question)
  }

  /** Staff: follow one chat instead of the one before. Who leafs through the list does not ask for every chat of it. */
  async watch(chat) {
    const before = [...this.#watched].filter((other) => other !== chat)
    const hurried = Date.now() - this.#chosenAt < LEAFING_MS
    this.#chosenAt = Date.now()
    this.#watched = new Set(chat === null ? [] : [chat])
    for (const other of before) {
      this.#marks.leave(other)
      if (this.#followed.delete(other)) this.#socket.tell("chat.unwatch", { chat: other })
    }
    if (hurried) await pause(LEAFING_MS)
    if (this.#watched.has(chat) && this.ready) await this.#follow(chat)
  }

  // --- the connection ------------------------------------------------------------------------------------------------

  #hello(fresh) {
    if (fresh) return {}
    const focus = [...this.#watched][0] ?? null
    const resume = this.replica.resume({ focus, only: this.#audience === "staff" ? this.#watched : null })
    return resume ? { resume } : {}
  }

  #greeted(reply, fresh) {
    const resumed = !fresh && this.replica.epoch === reply.epoch
    const before = this.me
    this.#connection++
    this.#catchingUp = true
    if (fresh) this.#forgetPlaces()
    this.replica.hello(reply, { fresh })
    this.#rename(before, reply.me)
    this.#followed = new Set(this.#watched)
    if (!resumed) for (const chat of this.#watched) this.#follow(chat)
    this.#store.connected((type, data) => this.#socket.command(type, data), reply)
    this.dispatchEvent(new CustomEvent("hello"))
    if (this.#audience === "staff" && this.replica.inbox.cursor === null) this.dispatchEvent(new CustomEvent("list"))
  }

  #forgetPlaces() {
    this.#marks.clear()
    this.#echoes.clear()
  }

  #received(frame) {
    if (this.#store.frame(frame)) return
    if (frame.type === "session.changed") this.#rename(frame.data.from, frame.data.to)
    if (frame.type === "resumed") this.#caughtUp()
    this.#run(this.replica.frame(frame))
    if (frame.type === "typing") this.#forgetTyping(frame)
    this.#learnOwnId(frame)
    if (frame.chat !== undefined) this.#noteDelivered(frame.chat)
    this.#changed()
  }

  async #caughtUp() {
    const connection = this.#connection
    this.#catchingUp = false
    this.#marks.reconnected()
    await this.#names
    if (connection === this.#connection && this.ready) this.outbox.connected()
  }

  #stateChanged(state) {
    if (state === "ready") {
      clearTimeout(this.#offlineTimer)
      this.#offlineTimer = null
      this.offline = false
    } else {
      this.#catchingUp = false
      this.#store.disconnected()
      this.outbox?.disconnected()
      this.replica.disconnected()
      if (state === "off") clearTimeout(this.#offlineTimer)
      else this.#offlineTimer ??= setTimeout(() => this.#sayOffline(), CALM_MS)
    }
    this.#changed()
  }

  #sayOffline() {
    this.offline = !this.ready
    this.#changed()
  }

  #wake() {
    this.#socket.wake()
    this.#store.wake()
    this.outbox?.refresh()
    this.#changed()
  }

  // --- who we are ----------------------------------------------------------------------------------------------------

  /** The outbox follows: the same person under another name keeps what is unsent, anybody else starts with nothing. */
  #rename(from, to) {
    this.#names = this.#names
      .catch(() => {})
      .then(async () => {
        const same = from?.kind === "guest" && (to.kind === "user" || from.id === null || from.id === to.id)
        if (same) await this.outbox.rename(ownerOf(from), ownerOf(to))
        if (to.kind !== "staff" && to.id !== null) await this.outbox.rename("guest/new", ownerOf(to))
        await this.outbox.setOwner(ownerOf(to))
      })
    return this.#names
  }

  /** A guest is given an id with the first message, in whichever tab that was. */
  #learnOwnId({ chat }) {
    if (this.me?.kind !== "guest" || this.me.id !== null || chat === undefined) return
    const id = this.replica.chats.get(chat)?.state?.customer?.id
    if (id) this.#becomesKnown({ ...this.me, id })
  }

  #becomesKnown(me) {
    const before = this.me
    if (ownerOf(before) === ownerOf(me)) return
    this.replica.me = me
    this.#rename(before, me)
  }

  // --- questions and sends -------------------------------------------------------------------------------------------

  #run(effects) {
    for (const effect of effects) {
      if (effect.do === "stored") this.outbox.stored(effect.client_id)
      else if (effect.do === "list") this.dispatchEvent(new CustomEvent("list"))
      else this.#ask(effect)
    }
    for (const [client_id, { row, seq }] of this.#echoes) {
      if (this.replica.chat(row.chat).log().applied >= seq) this.#echoes.delete(client_id)
    }
  }

  async #ask(question) {
    const connection = this.#connection
    try {
      const reply = await this.#socket.command(question.type, question.data)
      this.#run(this.replica.answer(question, reply))
    } catch (error) {
      if (typeof error.code !== "string") throw error
      if (error.retry_after_ms !== undefined) {
        await pause(error.retry_after_ms)
        if (connection === this.#connection && this.ready) return this.#ask(question)
      }
      if (connection === this.#connection) this.#run(this.replica.answer(question, null, error))
    }
    this.#changed()
  }

  async #follow(chat) {
    this.#followed.add(chat)
    try {
      await this.#socket.command("chat.watch", { chat, after: this.replica.chat(chat).cursors() })
    } catch (error) {
      if (typeof error.code !== "string") throw error
      if (error.retry_after_ms === undefined) return // not there, or the connection went and hello will ask
      await pause(error.retry_after_ms)
      if (this.#watched.has(chat) && this.ready) await this.#follow(chat)
    }
  }

  /** One attempt for a row of the outbox. */
  async #send({ kind, chat, client_id, text, seen, force, written }) {
    const staff = this.#audience === "staff"
    const data = kind === "chat.open" ? { client_id, text } : { chat, client_id, text }
    if (staff && seen !== undefined) data.seen = seen
    if (staff && force) data.force = true
    const reply = await this.#socket.command(kind, data)
    if (reply.me) this.#becomesKnown(reply.me)
    if (reply.state) this.replica.setState(reply.state)
    const seq = reply.message_seq ?? reply.seq
    if (seq > this.replica.chat(reply.chat).log().applied) {
      this.#echoes.set(client_id, { row: { chat: reply.chat, client_id, text, state: "sent", written }, seq })
      // Its event may have come long ago, to a chat that is not loaded here: then it is asked for.
      this.#run(this.replica.frame({ type: "heartbeat", heads: { [reply.chat]: { chat: reply.seq } } }))
    }
    return reply
  }

  #noteDelivered(chat) {
    const known = this.replica.chats.get(chat)
    if (known) this.#marks.delivered(chat, lastForeign(this.replica, known))
  }

  #forgetTyping({ chat, ttl_ms }) {
    const { typing } = this.replica.chat(chat)
    const last = Math.max(0, ...[...typing.values()].map(({ turn }) => turn))
    setTimeout(() => {
      for (const [key, { turn }] of typing) if (turn <= last) typing.delete(key) // not said again since
      this.#changed()
    }, ttl_ms)
  }

  /** Draw once for many changes, and not in the middle of catching up. A timer, as hidden pages have no frames. */
  #changed() {
    this.#drawing ??= setTimeout(() => {
      this.#drawing = null
      if (!this.#catchingUp) this.dispatchEvent(new CustomEvent("change"))
    }, 0)
  }
}
