/**
 * The client's copy of what the server told, kept by the rules of ws/PROTOCOL.md. Pure: no socket, no clock, no page.
 *
 * `frame(frame)` takes any frame of the server, `answer(command, data)` the reply to a command that the replica asked for.
 * Both return effects, in order:
 *   {do: "command", type, data}   ask the server this, and give the reply to `answer`
 *   {do: "stored", client_id}     this message of ours is in the log: the outbox may forget it
 *   {do: "list"}                  too much of the inbox has changed: list it afresh
 *
 * A log is applied gaplessly: `seq == applied + 1` is applied, a lower one dropped, a higher one kept aside until one
 * `chat.sync` has brought what is missing. After a reset the older entries are forgotten, not kept beside a hole: an edit
 * or a deletion in the hole would never reach them. They come back page by page through `chat.history`.
 */
import { Chat, memberKey } from "./chat-state.js"

export class Replica {
  epoch = null
  me = null
  chats = new Map()
  staff = new Map() // id → {id, name, state, version}
  states = new Map() // other state events by key → {version, data}
  inbox = { cursor: null, rows: new Map(), reads: new Map() }
  #turn = 0

  chat(id) {
    if (!this.chats.has(id)) this.chats.set(id, new Chat(id))
    return this.chats.get(id)
  }

  /** Whether an entry or a row was written by us. In their own chat a customer is the only customer. */
  isMine(sender) {
    if (!this.me || !sender) return false
    if (this.me.kind === "staff") return sender.kind === "staff" && sender.id === this.me.id
    return sender.kind === "customer"
  }

  /** The reply to hello. Another epoch, or a fresh start, makes every cursor worthless. */
  hello({ epoch, me, staff = [] }, { fresh = false } = {}) {
    const another = this.me && this.me.id !== null && (this.me.id !== me.id || (this.me.kind === "staff") !== (me.kind === "staff"))
    if (fresh || another || (this.epoch !== null && this.epoch !== epoch)) this.clear()
    this.epoch = epoch
    this.me = me
    for (const person of staff) this.#person(person)
  }

  /** Forget everything that belongs to one person or one epoch. */
  clear() {
    this.epoch = null
    this.chats.clear()
    this.staff.clear()
    this.states.clear()
    this.inbox = { cursor: null, rows: new Map(), reads: new Map() }
  }

  /** The connection went: replies to questions under way will not come. */
  disconnected() {
    for (const chat of this.chats.values()) {
      chat.typing.clear()
      for (const log of chat.logs.values()) log.syncing = log.again = false
    }
  }

  /** The cursors for hello, for the chats given (all by default), or undefined before the first connection. */
  resume({ focus = null, only = null } = {}) {
    if (this.epoch === null) return undefined
    const chats = {}
    for (const chat of this.chats.values()) {
      if (only && !only.has(chat.id)) continue
      chats[chat.id] = chat.cursors()
    }
    const resume = { epoch: this.epoch, chats }
    if (this.inbox.cursor !== null) resume.inbox = this.inbox.cursor
    if (focus !== null) resume.focus = focus
    return resume
  }

  frame(frame) {
    const { type, chat, log = "chat", data = {} } = frame
    if (frame.seq !== undefined) return this.#logEvent(frame)
    switch (type) {
      case "chat.batch":
        return this.#batch(chat, log, data)
      case "chat.reset":
        return this.#reset(chat, log, data)
      case "chat.behind":
        return this.#behind(chat, log, data.head ?? 0)
      case "heartbeat":
        return this.#heads(frame.heads ?? data.heads ?? {})
      case "inbox.batch":
        return this.inboxPage(data)
      case "receipt":
        this.#receipt(data)
        return []
      case "inbox":
        this.#rows(data.rows ?? []) // moves no cursor: a lower row that was not published may come after a higher one
        return []
      case "inbox.behind": // too much for this connection: the changed rows are fetched instead
        return [{ do: "command", type: "inbox.sync", data: { cursor: this.inbox.cursor } }]
      case "inbox.reset":
        return this.#listAfresh()
      case "staff.updated":
        this.#person({ ...data, version: frame.version })
        return []
      case "typing":
        this.#typing(this.chat(chat), frame)
        return []
    }
    if (frame.key !== undefined && frame.version > (this.states.get(frame.key)?.version ?? -1)) {
      this.states.set(frame.key, { version: frame.version, data })
    }
    return []
  }

  /** The reply to a command of an effect; `error` when it was refused or the connection went. */
  answer({ type, data: asked }, data, error = null) {
    if (type === "inbox.sync" && !error) return data.reset ? this.#listAfresh() : this.inboxPage(data)
    if (type !== "chat.sync" && type !== "chat.history") return []
    const log = this.chat(asked.chat).log(asked.log ?? "chat")
    if (type === "chat.sync") return this.#synced(asked, log, data, error)
    if (!error) this.#older(log, asked.before, data)
    return []
  }

  /** The question for the page of entries below what is loaded, or null when the log is loaded to its start. */
  history(chat, log = "chat") {
    const { oldest } = this.chat(chat).log(log)
    return oldest > 1 ? { do: "command", type: "chat.history", data: { chat, log, before: oldest } } : null
  }

  /** A page of inbox rows: the reply to inbox.list or inbox.sync, or an inbox.batch of a resume. */
  inboxPage({ cursor, more = false, rows = [], reads = {}, removed = [] }, { first = false } = {}) {
    this.#rows(rows)
    for (const chat of removed) this.inbox.rows.delete(chat)
    for (const [chat, seq] of Object.entries(reads)) this.readInbox(Number(chat), seq)
    if (first) this.inbox.cursor ??= cursor
    else if (cursor !== undefined && cursor !== null) this.inbox.cursor = Math.max(this.inbox.cursor ?? 0, cursor)
    return more && !first ? [{ do: "command", type: "inbox.sync", data: { cursor: this.inbox.cursor } }] : []
  }

  /** How far we have read a chat ourselves; the highest that was ever said counts. */
  readInbox(chat, seq) {
    this.inbox.reads.set(chat, Math.max(this.inbox.reads.get(chat) ?? 0, seq))
  }

  /** A chat as some reply shows it. A picture older than ours, or than the entries that we have, is ignored. */
  setState(state) {
    const chat = this.chat(state.id)
    if (chat.state && (state.rev ?? 0) < chat.stateRev) return
    if (state.last_seq < chat.log().applied) return
    chat.state = { ...chat.state, ...state }
    chat.stateRev = state.rev ?? 0
  }

  // --- the log -------------------------------------------------------------------------------------------------------

  #logEvent(frame) {
    const name = frame.log ?? "chat"
    const log = this.chat(frame.chat).log(name)
    log.head = Math.max(log.head, frame.seq)
    if (frame.seq <= log.applied) return []
    if (frame.seq > log.applied + 1) {
      log.held.set(frame.seq, frame)
      return this.#sync(frame.chat, name)
    }
    return [...this.#apply(frame), ...this.#applyHeld(frame.chat, log)]
  }

  /** The next entry in line; the caller has checked that it is. */
  #apply(frame) {
    const chat = this.chat(frame.chat)
    const log = chat.log(frame.log ?? "chat")
    const entry = frame.data ?? {}
    log.applied = frame.seq
    log.held.delete(frame.seq)
    log.entries.set(frame.seq, {
      ...entry,
      chat: frame.chat,
      log: frame.log ?? "chat",
      seq: frame.seq,
      type: frame.type,
    })
    if (entry.target) this.#changeTarget(log, entry)
    chat.live(frame)
    if (entry.sender) chat.typing.delete(memberKey(entry.sender))
    return this.isMine(entry.sender) && entry.client_id ? [{ do: "stored", client_id: entry.client_id }] : []
  }

  /** Edits and deletions carry their target's present body, so that the order in which they are applied cannot matter. */
  #changeTarget(log, entry) {
    const target = log.entries.get(entry.target)
    if (!target) return
    const deleted = target.deleted || entry.kind === "delete" || entry.deleted || !entry.data
    const data = deleted ? null : { ...target.data, ...entry.data }
    log.entries.set(entry.target, { ...target, data, deleted, edit_time: entry.edit_time ?? entry.creation_time })
  }

  #applyHeld(chat, log) {
    const effects = []
    while (log.held.has(log.applied + 1)) effects.push(...this.#apply(log.held.get(log.applied + 1)))
    for (const seq of log.held.keys()) if (seq <= log.applied) log.held.delete(seq)
    return effects
  }

  #sync(chat, name) {
    const log = this.chat(chat).log(name)
    if (log.syncing) return []
    log.syncing = true
    return [{ do: "command", type: "chat.sync", data: { chat, log: name, after: log.applied } }]
  }

  #synced({ chat, log: name = "chat", after }, log, data, error) {
    const { again } = log
    log.syncing = log.again = false
    if (error) return []
    const effects = this.#take(chat, name, data.events ?? [])
    log.head = Math.max(log.head, data.head ?? 0)
    this.#surroundings(chat, name, data) // after the entries: the row is as new as the head
    const missing = log.applied < log.head || data.more
    // A reply that brought nothing ends it. What counts is the cursor that was asked for: a reset may have moved ours.
    if (again || (missing && log.applied > after)) effects.push(...this.#sync(chat, name))
    return effects
  }

  #take(chat, name, events) {
    const log = this.chat(chat).log(name)
    const effects = []
    for (const event of events) {
      if (event.seq === log.applied + 1) effects.push(...this.#apply(event))
      else if (event.seq > log.applied) log.held.set(event.seq, event)
    }
    return [...effects, ...this.#applyHeld(chat, log)]
  }

  #batch(id, name, data) {
    const log = this.chat(id).log(name)
    log.head = Math.max(log.head, data.head ?? 0)
    const effects = this.#take(id, name, data.events ?? [])
    this.#surroundings(id, name, data) // after the entries: the row is as new as the head
    if (log.held.size) effects.push(...this.#sync(id, name))
    return effects
  }

  #reset(id, name, data) {
    const log = this.chat(id).log(name)
    const from = data.from ?? data.events?.[0]?.seq ?? (data.head ?? 0) + 1
    if (from > log.applied + 1 || log.applied === 0 || (data.head ?? 0) < log.applied) {
      log.entries.clear()
      log.oldest = Math.max(1, from)
      log.applied = log.oldest - 1
    }
    log.head = Math.max(log.head, data.head ?? 0)
    const effects = this.#take(id, name, data.events ?? [])
    this.#surroundings(id, name, data) // after the entries: the row is as new as the head
    if (log.held.size) effects.push(...this.#sync(id, name))
    return effects
  }

  #behind(chat, name, head) {
    const log = this.chat(chat).log(name)
    log.head = Math.max(log.head, head)
    log.again = log.syncing
    return this.#sync(chat, name)
  }

  #heads(heads) {
    const effects = []
    for (const [id, logs] of Object.entries(heads)) {
      if (!this.chats.has(Number(id))) continue
      for (const [name, head] of Object.entries(logs)) {
        const log = this.chat(Number(id)).log(name)
        log.head = Math.max(log.head, head)
        if (log.applied < head) effects.push(...this.#sync(Number(id), name))
      }
    }
    return effects
  }

  #older(log, before, { events = [] }) {
    if (before !== log.oldest) return // a reset or another page came first
    for (const { chat, log: name = "chat", seq, type, data } of events) {
      if (seq < before) log.entries.set(seq, { ...data, chat, log: name, seq, type })
    }
    while (log.oldest > 1 && log.entries.has(log.oldest - 1)) log.oldest--
    for (let seq = before; seq <= log.applied; seq++) {
      const entry = log.entries.get(seq) // it may have been edited while the page was on its way
      if (entry?.target && entry.target < before) this.#changeTarget(log, entry)
    }
  }

  // --- what surrounds it ---------------------------------------------------------------------------------------------

  #surroundings(id, name, { state, members = [] }) {
    if (state) this.setState({ ...state, id })
    if (name !== "chat") return // how far colleagues have read the notes is not shown
    for (const member of members) this.chat(id).raiseMarks(member)
  }

  #receipt({ chat, log = "chat", member, read_seq = 0, delivered_seq = 0 }) {
    if (log !== "chat") return
    if (this.me?.kind === "staff" && member.kind === "staff" && member.id === this.me.id) this.readInbox(chat, read_seq)
    this.chats.get(chat)?.raiseMarks({ ...member, read_seq, delivered_seq })
  }

  #listAfresh() {
    this.inbox = { ...this.inbox, cursor: null, rows: new Map() }
    return [{ do: "list" }]
  }

  #rows(rows) {
    for (const row of rows) {
      if (row.rev <= (this.inbox.rows.get(row.chat)?.rev ?? -1)) continue
      this.inbox.rows.set(row.chat, row)
      const chat = this.chats.get(row.chat)
      if (!chat?.state || row.rev < chat.stateRev) continue
      const { status, subject, customer, assignee, state_version, rev, last_seq, priority, labels } = row
      this.setState({ id: row.chat, status, subject, customer, assignee, state_version, rev, last_seq, priority, labels })
    }
  }

  #person(person) {
    if ((person.version ?? 0) >= (this.staff.get(person.id)?.version ?? -1)) {
      this.staff.set(person.id, { ...this.staff.get(person.id), ...person })
    }
  }

  #typing(chat, { data: { sender, on } }) {
    if (this.isMine(sender)) return
    if (on) chat.typing.set(memberKey(sender), { sender, turn: ++this.#turn })
    else chat.typing.delete(memberKey(sender))
  }
}
