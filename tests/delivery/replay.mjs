/**
 * node replay.mjs <replica.js> <traces.json>: gives the browser's replica what simulated clients were given, and writes
 * what it made of it, and what it asked, to standard output.
 */
import { readFileSync } from "node:fs"
import { pathToFileURL } from "node:url"

const [, , script, traces] = process.argv
const { Replica } = await import(pathToFileURL(script).href)

function replay(steps) {
  const replica = new Replica()
  const asked = []
  const note = (effects) => {
    for (const { do: what, type, data } of effects) if (what === "command" && type === "chat.sync") asked.push(data)
  }
  for (const step of steps) {
    if (step.do === "hello") replica.hello(step.welcome, { fresh: step.fresh })
    else if (step.do === "disconnected") replica.disconnected()
    else if (step.do === "state") replica.setState(step.state)
    else if (step.do === "me") replica.me = step.me
    else if (step.do === "watch") replica.chat(step.chat)
    else if (step.do === "frame") note(replica.frame(step.frame))
    else if (step.asked.type === "inbox.list") step.data && replica.inboxPage(step.data, { first: true })
    else note(replica.answer(step.asked, step.data, step.error))
  }
  return { chats: [...replica.chats.values()].map(shape), inbox: rows(replica), asked }
}

const rows = (replica) => [...replica.inbox.rows.values()].map(({ chat, rev }) => [chat, rev]).sort(([a], [b]) => a - b)

function shape(chat) {
  const { applied, oldest, entries } = chat.log()
  const told = [...entries.values()].sort((a, b) => a.seq - b.seq)
  return {
    id: chat.id, applied, oldest,
    status: chat.state?.status ?? null,
    assignee: chat.state?.assignee?.id ?? null,
    entries: told.map(({ seq, kind, client_id, deleted, data }) => [
      seq, kind, client_id, kind === "message" && !deleted ? data.text : null,
    ]),
    members: Object.fromEntries([...chat.members].map(([key, { read_seq, delivered_seq }]) => [key, [read_seq, delivered_seq]])),
  }
}

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(traces)).map(replay)))
