/** What the client knows of one chat: its state, its logs, how far everybody has read, and who is typing. */

export const memberKey = ({ kind, id }) => `${kind === "staff" ? "staff" : "customer"}/${id}`

/** One log of one chat. `entries` has everything from `oldest` to `applied`; what is below is not loaded. */
class Log {
  applied = 0
  head = 0
  oldest = 1
  entries = new Map()
  held = new Map()
  syncing = false
  again = false // chat.behind came while a sync was on its way: that reply may be too early to end the silence
}

/** One chat: its state, its logs, and how far everybody has read. */
export class Chat {
  constructor(id) {
    this.id = id
    this.state = null
    this.stateRev = -1
    this.logs = new Map()
    this.members = new Map() // "staff/7" → {kind, id, read_seq, delivered_seq}
    this.typing = new Map() // "staff/7" → {sender, turn}: `turn` rises each time it is said again
  }

  log(name = "chat") {
    if (!this.logs.has(name)) this.logs.set(name, new Log())
    return this.logs.get(name)
  }

  /** How far each log was applied; null asks for the newest entries only. */
  cursors() {
    const cursors = { chat: null }
    for (const [name, { applied }] of this.logs) cursors[name] = applied || null
    return cursors
  }

  /** What is known of one log in the order of seq. */
  entries(name = "chat") {
    const { entries, oldest, applied } = this.log(name)
    const found = []
    for (let seq = oldest; seq <= applied; seq++) if (entries.has(seq)) found.push(entries.get(seq))
    return found
  }

  /** An entry comes without the chat's row; these few change what everybody sees of it. */
  live({ type, data: entry }) {
    const { data } = entry ?? {}
    if (type === "chat.opened" && !this.state) {
      this.state = {
        id: this.id,
        status: "queued",
        subject: data?.subject ?? "",
        customer: entry.sender,
        assignee: null,
      }
    }
    if (!this.state) return
    const { assignee } = this.state
    if (type === "chat.closed")
      this.state = { ...this.state, status: "closed", continued_in: data?.continued_in ?? null }
    if (type === "chat.snoozed") this.state = { ...this.state, status: "snoozed" }
    if (type === "chat.reopened") this.state = { ...this.state, status: assignee ? "active" : "queued" }
    if (type === "chat.assigned") {
      this.state = { ...this.state, assignee: data?.to ?? null, status: data?.to ? "active" : "queued" }
    }
  }

  /** Marks only rise, each for itself: whatever comes late cannot lower them. */
  raiseMarks({ kind, id, read_seq = 0, delivered_seq = 0 }) {
    const key = memberKey({ kind, id })
    const known = this.members.get(key)
    this.members.set(key, {
      kind,
      id,
      read_seq: Math.max(known?.read_seq ?? 0, read_seq),
      delivered_seq: Math.max(known?.delivered_seq ?? 0, delivered_seq, read_seq),
    })
  }
}

/** How far the other side has come: the highest marks of the members of `side` ("staff" or "customer"). */
export function marksOf(chat, side) {
  const marks = { read: 0, delivered: 0 }
  for (const { kind, read_seq, delivered_seq } of chat.members.values()) {
    if ((kind === "staff") !== (side === "staff")) continue
    marks.read = Math.max(marks.read, read_seq)
    marks.delivered = Math.max(marks.delivered, delivered_seq)
  }
  return marks
}
