import assert from "node:assert/strict"
import { test } from "node:test"
import { marksOf } from "../../static/js/chat-state.js"
import { lastForeign, linesOf, unreadCount } from "../../static/js/lines.js"
import { Replica } from "../../static/js/replica.js"
import { ANNA, GUEST, event, events, frame, randomNumbers, texts } from "./support.mjs"

function makeReplica(me = GUEST) {
  const replica = new Replica()
  replica.hello({ epoch: "e-1", me })
  return replica
}

test("the next entry is applied, an old one dropped, and one from beyond a gap waits for a single sync", () => {
  const replica = makeReplica()
  for (const one of events(1, 3)) assert.deepEqual(replica.frame(one), [])
  assert.deepEqual(replica.frame(event(2)), [])

  const [question] = replica.frame(event(6))
  assert.deepEqual(question, { do: "command", type: "chat.sync", data: { chat: 12, log: "chat", after: 3 } })
  assert.deepEqual(replica.frame(event(7)), [], "one question is enough")
  assert.deepEqual(texts(replica), ["m1", "m2", "m3"])

  assert.deepEqual(replica.answer(question, { events: events(4, 6), head: 7, more: false }), [])
  assert.deepEqual(texts(replica), ["m1", "m2", "m3", "m4", "m5", "m6", "m7"])
})

test("a sync goes on page by page until the head", () => {
  const replica = makeReplica()
  const [first] = replica.frame({ type: "chat.behind", chat: 12, log: "chat", data: { head: 310 } })
  const [second] = replica.answer(first, { events: events(1, 200), head: 310, more: true })
  assert.equal(second.data.after, 200)
  assert.deepEqual(replica.answer(second, { events: events(201, 310), head: 310, more: false }), [])
  assert.equal(replica.chat(12).log().applied, 310)
})

test("a hint to fetch during a fetch leads to another one, because the reply may be too early", () => {
  const replica = makeReplica()
  const [question] = replica.frame(event(3))
  replica.frame({ type: "chat.behind", chat: 12, log: "chat", data: { head: 3 } })
  const [again] = replica.answer(question, { events: events(1, 3), head: 3, more: false })
  assert.equal(again.type, "chat.sync")
  assert.deepEqual(replica.answer(again, { events: [], head: 3, more: false }), [])
})

test("a sync that brings nothing does not ask for ever", () => {
  const replica = makeReplica()
  const [question] = replica.frame(event(9))
  assert.deepEqual(replica.answer(question, { events: [], head: 9, more: false }), [])
})

test("a heartbeat's head above ours reveals what was lost", () => {
  const replica = makeReplica()
  replica.frame(event(1))
  assert.deepEqual(replica.frame({ type: "heartbeat", heads: { 12: { chat: 1 } } }), [])
  const [question] = replica.frame({ type: "heartbeat", heads: { 12: { chat: 2 }, 99: { chat: 5 } } })
  assert.equal(question.data.after, 1)
})

test("the seq of an acknowledgement asks for what a chat that is not loaded here has", () => {
  const replica = makeReplica()
  replica.setState({ id: 7, state_version: 1 })
  const [question] = replica.frame({ type: "heartbeat", heads: { 7: { chat: 3 } } })
  assert.deepEqual([question.type, question.data.chat, question.data.after], ["chat.sync", 7, 0])
})

test("a batch continues the log, whatever of it was known already", () => {
  const replica = makeReplica()
  for (const one of events(1, 5)) replica.frame(one)
  replica.frame(frame("chat.batch", events(4, 8)))
  assert.equal(texts(replica).length, 8)
})

test("after a reset the older entries are not loaded and come back by history", () => {
  const replica = makeReplica()
  for (const one of events(1, 3)) replica.frame(one)
  replica.frame(frame("chat.reset", events(401, 450)))
  assert.equal(texts(replica).length, 50)
  assert.equal(texts(replica)[0], "m401")

  const question = replica.history(12)
  assert.deepEqual(question.data, { chat: 12, log: "chat", before: 401 })
  replica.answer(question, { events: events(301, 400) })
  assert.equal(texts(replica).length, 150)
  assert.equal(replica.history(12).data.before, 301)
  replica.answer(replica.history(12), { events: events(201, 300) })
  replica.answer(replica.history(12), { events: events(101, 200) })
  replica.answer(replica.history(12), { events: events(1, 100) })
  assert.equal(replica.history(12), null)
  assert.equal(texts(replica).length, 450)
})

test("edits and deletions change their target, also one that arrives with a later page", () => {
  const replica = makeReplica()
  replica.frame(frame("chat.reset", events(51, 100)))
  replica.frame(event(101, { kind: "edit", target: 60, text: "better" }))
  replica.frame(event(102, { kind: "delete", target: 61, text: null, deleted: true }))
  replica.frame(event(103, { kind: "edit", target: 40, text: "edited before it was loaded" }))
  replica.answer(replica.history(12), { events: events(1, 50) }) // the page was read before the edit

  const entries = replica.chat(12).entries()
  assert.equal(entries[59].data.text, "better")
  assert.equal(entries[60].data, null)
  assert.equal(entries[60].deleted, true)
  assert.equal(entries[39].data.text, "edited before it was loaded")
  const lines = linesOf(replica, [replica.chat(12)], [])
  assert.equal(lines.filter((line) => line.kind === "message").length, 100, "the edits themselves are not shown")
})

test("an edit of something deleted since brings nothing back", () => {
  const replica = makeReplica()
  replica.frame(event(1))
  replica.frame(event(2, { kind: "delete", target: 1, text: null, deleted: true }))
  replica.frame(event(3, { kind: "edit", target: 1, text: "again" }))
  assert.equal(replica.chat(12).entries()[0].data, null)
})

test("our own message in the log tells the outbox to forget it; the same client_id of the other side does not", () => {
  const replica = makeReplica()
  assert.deepEqual(replica.frame(event(1, { sender: GUEST, client_id: "a1" })), [{ do: "stored", client_id: "a1" }])
  assert.deepEqual(replica.frame(event(2, { sender: ANNA, client_id: "a2" })), [])
  const staff = makeReplica(ANNA)
  assert.deepEqual(staff.frame(event(1, { sender: { ...ANNA, id: 8 }, client_id: "a3" })), [])
})

test("an unknown kind of entry moves the cursor all the same", () => {
  const replica = makeReplica()
  replica.frame(event(1))
  replica.frame(event(2, { kind: "rated", type: "chat.rated" }))
  replica.frame(event(3))
  assert.equal(replica.resume().chats[12].chat, 3)
})

test("life-cycle entries change the chat's state, and an older row does not change it back", () => {
  const replica = makeReplica()
  const state = { id: 12, status: "queued", assignee: null, state_version: 1, rev: 10 }
  replica.frame(frame("chat.reset", events(1, 2), { state }))
  replica.frame(event(3, { kind: "assigned", data: { code: "assigned", to: { id: 7, name: "Анна" } } }))
  assert.equal(replica.chat(12).state.status, "active")
  replica.setState({ ...state, rev: 9 })
  assert.equal(replica.chat(12).state.assignee.id, 7)
  replica.frame(event(4, { kind: "closed", data: { code: "closed", reason: "solved" } }))
  assert.equal(replica.chat(12).state.status, "closed")
  replica.setState({ ...state, status: "active", state_version: 4, rev: 14 })
  assert.equal(replica.chat(12).state.status, "active")
})

test("a chat that opens in another tab is known from its first entry", () => {
  const replica = makeReplica({ kind: "guest", id: null, name: "" })
  replica.frame(event(1, { kind: "opened", sender: GUEST, data: { code: "opened", subject: "" } }))
  assert.equal(replica.chat(12).state.status, "queued")
  assert.equal(replica.chat(12).state.customer.id, 5)
})

test("receipts only rise, and are the maximum per field", () => {
  const replica = makeReplica()
  replica.frame(
    frame("chat.reset", events(1, 9), { members: [{ kind: "staff", id: 7, read_seq: 3, delivered_seq: 5 }] }),
  )
  const receipt = (read_seq, delivered_seq, id = 7) =>
    replica.frame({
      type: "receipt",
      key: `receipt/12/staff/${id}`,
      version: read_seq + delivered_seq,
      data: { chat: 12, log: "chat", member: { kind: "staff", id }, read_seq, delivered_seq },
    })
  receipt(2, 9)
  receipt(4, 4)
  receipt(1, 1, 8)
  assert.deepEqual(marksOf(replica.chat(12), "staff"), { read: 4, delivered: 9 })
})

test("another epoch makes every cursor worthless; the same one keeps them", () => {
  const replica = makeReplica()
  replica.frame(event(1))
  replica.hello({ epoch: "e-1", me: GUEST })
  assert.deepEqual(replica.resume({ focus: 12 }), { epoch: "e-1", chats: { 12: { chat: 1 } }, focus: 12 })
  replica.hello({ epoch: "e-2", me: GUEST })
  assert.deepEqual(replica.resume().chats, {})
  assert.equal(new Replica().resume(), undefined)
})

test("after a lost connection the question is asked again", () => {
  const replica = makeReplica()
  replica.frame(event(5))
  replica.disconnected()
  assert.equal(replica.frame(event(6))[0].type, "chat.sync")
})

test("inbox rows are kept by rev, whatever the order in which they come", () => {
  const replica = makeReplica(ANNA)
  const row = (rev, preview) => ({ chat: 12, rev, preview, status: "queued", state_version: 1 })
  replica.inboxPage({ cursor: 50, more: true, rows: [row(50, "list")], reads: { 12: 3 } }, { first: true })
  replica.frame({ type: "inbox", key: "inbox", version: 52, data: { rows: [row(52, "new")] } })
  replica.inboxPage({ cursor: 50, rows: [row(49, "old")] })
  assert.equal(replica.inbox.rows.get(12).preview, "new")
  assert.equal(replica.resume().inbox, 50) // a lower row that was not published may come after a higher one
  const [question] = replica.frame({ type: "inbox.batch", data: { cursor: 60, more: true, rows: [row(60, "newest")] } })
  assert.deepEqual(question, { do: "command", type: "inbox.sync", data: { cursor: 60 } })
  replica.answer(question, { cursor: 61, rows: [], removed: [12] })
  assert.equal(replica.inbox.rows.size, 0)
})

test("a row of the inbox brings the open chat's state up to date", () => {
  const replica = makeReplica(ANNA)
  replica.frame(
    frame("chat.reset", events(1, 2), {
      state: { id: 12, status: "queued", assignee: null, state_version: 1, rev: 10 },
    }),
  )
  replica.frame({
    type: "inbox",
    key: "inbox",
    version: 12,
    data: { rows: [{ chat: 12, rev: 12, status: "active", assignee: { id: 8, name: "Пётр" }, state_version: 2 }] },
  })
  assert.equal(replica.chat(12).state.state_version, 2)
  assert.equal(replica.chat(12).state.assignee.name, "Пётр")
})

test("typing ends with the message, and our own is not shown", () => {
  const replica = makeReplica()
  const typing = (sender, on = true) => replica.frame({ type: "typing", chat: 12, ttl_ms: 6000, data: { sender, on } })
  typing({ kind: "customer", id: 5, name: "" })
  typing(ANNA)
  assert.deepEqual([...replica.chat(12).typing.keys()], ["staff/7"])
  replica.frame(event(1, { sender: ANNA }))
  assert.equal(replica.chat(12).typing.size, 0)
})

test("unread counts the other side's messages above our mark", () => {
  const replica = makeReplica()
  replica.frame(
    frame("chat.reset", [...events(1, 3), event(4, { sender: GUEST }), event(5)], {
      members: [{ kind: "guest", id: 5, read_seq: 2, delivered_seq: 2 }],
    }),
  )
  assert.equal(unreadCount(replica, replica.chat(12)), 2)
  assert.equal(lastForeign(replica, replica.chat(12)), 5)
  assert.equal(lastForeign(replica, replica.chat(12), 4), 3)
})

test("a pending message keeps its key when it is stored, and is shown once", () => {
  const replica = makeReplica()
  const row = { client_id: "a1", text: "привет", state: "pending", written: Date.parse("2026-03-07T10:00:00Z") }
  const before = linesOf(replica, [replica.chat(12)], [row]).filter((line) => line.kind === "message")
  replica.frame(event(1, { sender: GUEST, client_id: "a1", text: "привет" }))
  const after = linesOf(replica, [replica.chat(12)], [row]).filter((line) => line.kind === "message")
  assert.deepEqual([before.length, before[0].state], [1, "pending"])
  assert.deepEqual([after.length, after[0].state, after[0].key], [1, "sent", before[0].key])
})

test("whatever is lost, doubled or mixed up on the way, the replica equals the log in the end", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = randomNumbers(seed)
    const pick = (n) => Math.floor(random() * n)
    const log = []
    const current = () => log.map((one) => ({ ...one })) // what a reader finds in the database: present bodies
    const replica = makeReplica()
    const questions = []
    const deliver = (one) =>
      questions.push(...replica.frame(structuredClone(one)).filter((effect) => effect.do === "command"))
    const answer = () => {
      const [question] = questions.splice(pick(questions.length), 1)
      const { after, before } = question.data
      if (question.type === "chat.history") {
        return questions.push(
          ...replica.answer(question, { events: current().slice(Math.max(0, before - 21), before - 1) }),
        )
      }
      const page = current().slice(after, after + 20)
      questions.push(
        ...replica.answer(question, { events: structuredClone(page), head: log.length, more: after + 20 < log.length }),
      )
    }
    const waiting = []
    for (let turn = 0; turn < 120; turn++) {
      const seq = log.length + 1
      const target = 1 + pick(seq)
      const body = log[target - 1]
      if (body?.data.kind === "message" && random() < 0.2) {
        const gone = random() < 0.4 || body.data.deleted
        body.data = { ...body.data, data: gone ? null : { text: `${body.data.data?.text}!` }, deleted: gone }
        log.push(
          event(seq, {
            kind: gone ? "delete" : "edit",
            target,
            text: gone ? null : body.data.data.text,
            deleted: gone,
          }),
        )
      } else log.push(event(seq))
      if (random() < 0.8) waiting.push(structuredClone(log.at(-1)))
      if (random() < 0.1) waiting.push(structuredClone(log[pick(log.length)]))
      while (waiting.length && random() < 0.7) deliver(waiting.splice(pick(waiting.length), 1)[0])
      if (questions.length && random() < 0.5) answer()
      if (random() < 0.03) {
        replica.disconnected()
        questions.length = waiting.length = 0
        const { chat } = replica.resume().chats[12] ?? { chat: 0 }
        const long = log.length - chat > 30
        deliver(frame(long ? "chat.reset" : "chat.batch", current().slice(long ? -10 : chat), { head: log.length }))
      }
      if (random() < 0.05 && replica.history(12)) questions.push(replica.history(12))
    }
    deliver({ type: "heartbeat", heads: { 12: { chat: log.length } } })
    while (questions.length) answer()
    while (replica.history(12)) {
      questions.push(replica.history(12))
      answer()
    }
    const view = (entries) => entries.map(({ seq, data }) => [seq, data?.data?.text ?? data?.text ?? null])
    assert.deepEqual(view(replica.chat(12).entries()), view(log), `seed ${seed}`)
  }
})
