/**
 * Messages that were written and are not yet known to be kept. They survive reloads and crashes of the page.
 *
 *   const outbox = new Outbox({ store, send, onChange })
 *   await outbox.setOwner("guest/5"); await outbox.add({ chat: 12, text: "…" }); outbox.connected()
 *
 * `send(row)` performs one attempt and resolves with the reply or rejects with {code, passing, retry_after_ms, extra}.
 * Rows: {n, owner, client_id, chat, kind, text, seen, force, state, error, entries, retry_at, written}
 *   n       counts up over all tabs: the order in which they were written
 *   chat    the chat it goes to, null: "my open chat, or a new one" (customers)
 *   kind    fixed at the first attempt, so that a retry says exactly the same: "chat.open" or "message.send"
 *   state   "pending" or "failed" (the server refused it for good: the writer decides)
 *
 * At most one send of a lane (a customer's own chat; one chat of a member of staff) is under way in the whole browser:
 * whoever holds the lane's lock sends its first row, and a row that must wait holds up those behind it, never the reverse.
 */
import { memoryStore } from "./outbox-store.js"

/** Runs `work` alone: in the whole browser where there are Web Locks (https, localhost), else in this page only. */
function alone(name, work) {
  return globalThis.navigator?.locks ? navigator.locks.request(name, work) : work()
}

/** 128 random bits. `crypto.randomUUID` is missing on plain http. */
export function newClientId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
}

export class Outbox {
  rows = [] // the owner's, oldest first: what the page shows
  owner = null
  #store
  #send
  #onChange
  #alone
  #now
  #connected = false
  #busy = new Map() // lane → whether to look again afterwards
  #timers = new Map() // lane → when its first row may be tried again

  constructor({ store = memoryStore(), send, onChange = () => {}, locks = alone, now = Date.now }) {
    this.#store = store
    this.#send = send
    this.#onChange = onChange
    this.#alone = locks
    this.#now = now
    store.onchange = () => this.refresh() // another tab wrote
  }

  /** Show and send the rows of this person ("guest/5"), and of nobody else. */
  async setOwner(owner) {
    this.owner = owner
    await this.refresh()
  }

  /** The same person under another name: after registering, or a guest's rows after signing in. */
  async rename(from, to) {
    if (from === to) return
    await this.#store.edit((row) => (row.owner === from ? { ...row, owner: to } : row))
    if (this.owner === from) this.owner = to
    await this.refresh()
  }

  /** Forget the owner's rows: somebody signed out on purpose. */
  async wipe() {
    const { owner } = this
    await this.#store.edit((row) => (row.owner === owner ? null : row))
    await this.refresh()
  }

  /** Keep a new message, then try to send it. Resolves as soon as it is kept. */
  async add({ chat = null, text, seen }) {
    const row = { owner: this.owner, client_id: newClientId(), chat, kind: null, text, seen, force: false }
    await this.#store.add({ ...row, state: "pending", error: null, entries: null, retry_at: 0, written: this.#now() })
    await this.refresh()
    return row.client_id
  }

  /** Send a failed one again: to a chat that moved on (`force`), to a new chat after the old one closed (`chat: null`). */
  async retry(client_id, changes = {}) {
    await this.#edit(client_id, (row) => {
      const kind = "chat" in changes ? null : row.kind
      // The server keeps another text under this client_id, so that this one needs an id of its own.
      const id = row.error === "client_id" ? newClientId() : client_id
      return { ...row, kind, ...changes, client_id: id, state: "pending", error: null, entries: null, retry_at: 0 }
    })
  }

  async discard(client_id) {
    await this.#edit(client_id, () => null)
  }

  /** It is in the log, so it is kept; the acknowledgement no longer matters. */
  async stored(client_id) {
    if (this.rows.some((row) => row.client_id === client_id)) await this.discard(client_id)
  }

  /** The connection stands and has caught up. */
  connected() {
    this.#connected = true
    this.#flushAll()
  }

  disconnected() {
    this.#connected = false
    for (const timer of this.#timers.values()) clearTimeout(timer)
  }

  /** Read the store again, show it, and send what may be sent. */
  async refresh() {
    const { owner } = this
    const rows = owner === null ? [] : (await this.#store.list()).filter((row) => row.owner === owner)
    if (owner !== this.owner) return
    this.rows = rows
    this.#onChange()
    this.#flushAll()
  }

  async #edit(client_id, change) {
    await this.#store.edit((row) => (row.client_id === client_id ? change(row) : row))
    await this.refresh()
  }

  /** A customer has one open chat, so all their messages are one sequence; a member of staff has one per chat. */
  #lane(row) {
    return row.owner.startsWith("staff/") ? `staff/${row.chat}` : "customer"
  }

  #flushAll() {
    if (!this.#connected) return
    for (const lane of new Set(this.rows.filter((row) => row.state === "pending").map((row) => this.#lane(row)))) {
      this.#flush(lane)
    }
  }

  async #flush(lane) {
    if (this.#busy.has(lane)) return this.#busy.set(lane, true)
    try {
      do {
        this.#busy.set(lane, false)
        // The lock is given back after each row, so that a waiting or sleeping tab never keeps the others from sending.
        while (await this.#alone(`cts-outbox/${lane}`, () => this.#sendFirst(lane))) continue
      } while (this.#busy.get(lane))
    } finally {
      this.#busy.delete(lane)
    }
  }

  /** One attempt for the first row of the lane. Whether to go on with the next one. */
  async #sendFirst(lane) {
    const rows = await this.#store.list() // not `this.rows`: another tab may have sent some a moment ago
    const row = rows.find((one) => one.state === "pending" && one.owner === this.owner && this.#lane(one) === lane)
    if (!row || !this.#connected) return false
    if (row.retry_at > this.#now()) return this.#later(lane, row.retry_at)
    const { client_id } = row
    const kind = row.kind ?? (row.chat === null ? "chat.open" : "message.send")
    if (!row.kind) await this.#store.edit((one) => (one.client_id === client_id ? { ...one, kind } : one))
    try {
      const { chat } = await this.#send({ ...row, kind })
      await this.#store.edit((one) => this.#afterReply(one, { ...row, kind }, chat))
    } catch (error) {
      if (typeof error.code !== "string") throw error // our own mistake, not a refusal
      await this.#store.edit((one) => (one.client_id === client_id ? this.#afterError(one, error) : one))
    }
    await this.refresh()
    return this.#connected
  }

  /** The sent one goes; those written before the chat had a number learn it. */
  #afterReply(one, sent, chat) {
    if (one.client_id === sent.client_id) return null
    const same = one.owner === sent.owner || one.owner === this.owner // the first chat gives a guest an id, thus a name
    return sent.kind === "chat.open" && same && one.chat === null && !one.kind ? { ...one, chat } : one
  }

  #afterError(row, { passing, retry_after_ms = 0, extra = {}, code }) {
    if (passing) return { ...row, retry_at: this.#now() + retry_after_ms }
    return { ...row, state: "failed", error: extra.reason ?? code, entries: extra.entries ?? null }
  }

  #later(lane, time) {
    clearTimeout(this.#timers.get(lane))
    this.#timers.set(
      lane,
      setTimeout(() => this.#flushAll(), Math.max(0, time - this.#now()) + 5),
    )
    return false
  }
}
