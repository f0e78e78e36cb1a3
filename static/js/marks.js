/**
 * Tells the server how far we have come in each chat, at most once a second per chat, the newest position only.
 *   const marks = new Marks(tell); marks.delivered(12, 41); marks.read(12, 41); marks.reconnected()
 */
const PERIOD_MS = 1_000

export class Marks {
  #tell
  #chats = new Map() // chat → {read, delivered, toldRead, toldDelivered, timer}

  /** @param {(type: string, data: object) => void} tell sends a command without a reply; lost while offline */
  constructor(tell) {
    this.#tell = tell
  }

  read(chat, seq) {
    this.#raise(chat, "read", seq)
  }

  delivered(chat, seq) {
    this.#raise(chat, "delivered", seq)
  }

  /** What was told to the old connection may be lost, so say the last position again. */
  reconnected() {
    for (const [chat, marks] of this.#chats) {
      marks.toldRead = marks.toldDelivered = 0
      this.#flush(chat)
    }
  }

  /** The chat is no longer followed: say what is left to say, then never again. */
  leave(chat) {
    if (!this.#chats.has(chat)) return
    this.#flush(chat)
    clearTimeout(this.#chats.get(chat).timer)
    this.#chats.delete(chat)
  }

  /** Another person: nothing of this is theirs. */
  clear() {
    for (const { timer } of this.#chats.values()) clearTimeout(timer)
    this.#chats.clear()
  }

  #raise(chat, name, seq) {
    if (!this.#chats.has(chat)) {
      this.#chats.set(chat, { read: 0, delivered: 0, toldRead: 0, toldDelivered: 0, timer: null })
    }
    const marks = this.#chats.get(chat)
    if (seq <= marks[name]) return
    marks[name] = seq
    marks.timer ??= setTimeout(() => this.#flush(chat), 0) // a batch of events makes one mark
  }

  #flush(chat) {
    const marks = this.#chats.get(chat)
    clearTimeout(marks.timer)
    marks.timer = null
    const { read, delivered } = marks
    if (read > marks.toldRead) {
      marks.toldRead = read
      this.#tell("chat.read", { chat, log: "chat", seq: read })
    } else if (delivered > Math.max(read, marks.toldDelivered)) {
      marks.toldDelivered = delivered
      this.#tell("chat.delivered", { chat, log: "chat", seq: delivered })
    } else return
    marks.timer = setTimeout(() => this.#flush(chat), PERIOD_MS)
  }
}
