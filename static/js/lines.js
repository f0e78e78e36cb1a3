/**
 * What a thread shows, from what the replica and the outbox know. Pure: entries in, lines out.
 * A line: {key, kind: "day" | "message" | "system", …}. A message of ours keeps its key from pending to read.
 */
import { marksOf } from "./chat-state.js"

const GROUP_MS = 5 * 60_000 // messages of one sender closer than this stand together
const SYSTEM = new Set(["opened", "assigned", "closed", "reopened", "order", "transferred", "snoozed"])

/**
 * @param {import("./replica.js").Replica} replica
 * @param {object[]} chats of the replica, in the order in which they are shown
 * @param {object[]} rows of the outbox, below everything else
 */
export function linesOf(replica, chats, rows, day = localDay) {
  const known = new Set()
  const lines = []
  for (const chat of chats) {
    const marks = marksOf(chat, replica.me?.kind === "staff" ? "customer" : "staff")
    for (const entry of chat.entries()) {
      if (entry.client_id && replica.isMine(entry.sender)) known.add(entry.client_id)
      if (entry.kind === "message") lines.push(messageLine(replica, entry, marks))
      else if (SYSTEM.has(entry.kind)) lines.push(systemLine(entry))
    }
  }
  for (const row of rows) if (!known.has(row.client_id)) lines.push(pendingLine(row))
  return withDays(grouped(lines), day)
}

/** The highest seq of somebody else's entry that is not above `seq`; 0 when there is none. */
export function lastForeign(replica, chat, seq = Infinity) {
  const { entries, oldest, applied } = chat.log()
  for (let at = Math.min(seq, applied); at >= oldest; at--) {
    const entry = entries.get(at)
    if (entry && !replica.isMine(entry.sender)) return at
  }
  return 0
}

/** How many messages of the other side stand above our own read mark. */
export function unreadCount(replica, chat) {
  const mine = replica.me?.kind === "staff" ? "staff" : "customer"
  let read = 0
  for (const { kind, id, read_seq } of chat.members.values()) {
    if ((kind === "staff") === (mine === "staff") && (mine === "customer" || id === replica.me.id))
      read = Math.max(read, read_seq)
  }
  return chat.entries().filter((entry) => {
    return entry.kind === "message" && entry.seq > read && !entry.deleted && !replica.isMine(entry.sender)
  }).length
}

function messageLine(replica, entry, marks) {
  const mine = replica.isMine(entry.sender)
  const state = entry.seq <= marks.read ? "read" : entry.seq <= marks.delivered ? "delivered" : "sent"
  return {
    key: mine && entry.client_id ? entry.client_id : `${entry.chat}/${entry.seq}`,
    kind: "message",
    chat: entry.chat,
    seq: entry.seq,
    client_id: entry.client_id,
    mine,
    sender: entry.sender,
    text: entry.data?.text ?? "",
    deleted: Boolean(entry.deleted),
    edited: Boolean(entry.edit_time) && !entry.deleted,
    time: Date.parse(entry.creation_time),
    state: mine ? state : "",
  }
}

function systemLine(entry) {
  return {
    key: `${entry.chat}/${entry.seq}`,
    kind: "system",
    chat: entry.chat,
    seq: entry.seq,
    code: entry.data?.code ?? entry.kind,
    data: entry.data ?? {},
    sender: entry.sender,
    time: Date.parse(entry.creation_time),
  }
}

function pendingLine(row) {
  const { client_id, text, state, error, entries, written } = row
  return { key: client_id, kind: "message", client_id, mine: true, text, state, error, entries, time: written }
}

/** `first`: the name is shown above it; `last`: the time below it. */
function grouped(lines) {
  const together = (one, other) =>
    one?.kind === "message" &&
    other?.kind === "message" &&
    one.mine === other.mine &&
    one.sender?.id === other.sender?.id &&
    one.sender?.kind === other.sender?.kind &&
    Math.abs(other.time - one.time) < GROUP_MS
  lines.forEach((line, at) => {
    line.first = !together(lines[at - 1], line)
    line.last = !together(line, lines[at + 1])
  })
  return lines
}

function withDays(lines, day) {
  const result = []
  let last = null
  for (const line of lines) {
    const date = day(line.time)
    if (date !== last) result.push({ key: `day-${date}`, kind: "day", time: line.time })
    last = date
    result.push(line)
  }
  return result
}

function localDay(time) {
  const date = new Date(time)
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`
}
