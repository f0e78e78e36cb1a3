/** Small things that the tests of the scripts share. */

export const GUEST = { kind: "guest", id: 5, name: "" }
export const ANNA = { kind: "staff", id: 7, name: "Анна" }

/** A log event as the server sends it. */
export function event(seq, { chat = 12, kind = "message", text = `m${seq}`, sender = ANNA, type, ...rest } = {}) {
  const types = { message: "message.created", edit: "message.edited", delete: "message.deleted" }
  const side = sender.kind === "staff" ? "staff" : "customer"
  const data = {
    chat,
    log: "chat",
    seq,
    kind,
    client_id: null,
    sender: { ...sender, kind: side },
    creation_time: "2026-03-07T10:00:00Z",
    edit_time: null,
    deleted: false,
    target: null,
    reply_to: null,
    data: text === null ? null : { text },
    ...rest,
  }
  return { type: type ?? types[kind] ?? `chat.${kind}`, chat, log: "chat", seq, data }
}

export const events = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => event(from + at))

export const frame = (type, seqs, { chat = 12, head, from, members = [], state } = {}) => ({
  type,
  chat,
  log: "chat",
  data: {
    from: from ?? seqs[0]?.seq,
    to: seqs.at(-1)?.seq,
    head: head ?? seqs.at(-1)?.seq,
    members,
    state,
    events: seqs,
  },
})

export const texts = (replica, chat = 12) =>
  replica
    .chat(chat)
    .entries()
    .filter((one) => one.kind === "message")
    .map((one) => one.data?.text ?? null)

/** Numbers that look random and are the same each time. */
export function randomNumbers(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Let everything that waits for nothing but promises run. */
export async function settle(rounds = 60) {
  for (let round = 0; round < rounds; round++) await Promise.resolve()
}
