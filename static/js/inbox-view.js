/** What the inbox shows: which rows, in which order, said how. Pure, apart from the words. */
import { nameOf } from "./format.js"

const FILTERS = {
  queue: (row) => row.status !== "closed" && !row.assignee,
  mine: (row, me) => row.status !== "closed" && row.assignee?.id === me.id,
  all: (row) => row.status !== "closed",
  closed: (row) => row.status === "closed",
}
const timeOf = (row) => Date.parse(row.last_entry_time)
const byTime = (one, other) => timeOf(other) - timeOf(one) || one.chat - other.chat

/** Whoever has waited longest comes first, then the chats in which nobody waits, the latest first. */
function byWaiting(one, other) {
  if (!one.waiting_since || !other.waiting_since) {
    return Boolean(other.waiting_since) - Boolean(one.waiting_since) || byTime(one, other)
  }
  return Date.parse(one.waiting_since) - Date.parse(other.waiting_since) || one.chat - other.chat
}

/**
 * @param {import("./replica.js").Replica} replica of a member of staff
 * @param {"queue" | "mine" | "all" | "closed"} filter
 * @returns rows and counts as <staff-inbox> wants them, and how many unread ones are ours to answer
 */
export function inboxOf(replica, filter) {
  const { me, inbox } = replica
  const rows = [...inbox.rows.values()]
  const isUnread = (row) => row.status !== "closed" && row.last_customer_seq > (inbox.reads.get(row.chat) ?? 0)
  const matching = (name) => rows.filter((row) => FILTERS[name](row, me))
  const shown = matching(filter).sort(filter === "closed" ? byTime : byWaiting)
  return {
    rows: shown.map((row) => rowView(row, me, isUnread(row))),
    counts: { queue: matching("queue").length, mine: matching("mine").length, all: matching("all").length },
    unread: rows.filter((row) => isUnread(row) && (!row.assignee || row.assignee.id === me.id)).length,
  }
}

function rowView(row, me, unread) {
  return {
    chat: row.chat,
    name: nameOf(row.customer),
    preview: row.preview,
    time: timeOf(row),
    waiting_ms: row.waiting_since && row.status !== "closed" ? Date.now() - Date.parse(row.waiting_since) : null,
    unread,
    status: row.status,
    assignee: row.assignee ? nameOf({ kind: "staff", ...row.assignee }) : "",
    mine: row.assignee?.id === me.id,
  }
}
