import assert from "node:assert/strict"
import { test } from "node:test"
import { memoryStore } from "../../static/js/outbox-store.js"
import { Outbox } from "../../static/js/outbox.js"
import { CommandError } from "../../static/js/socket.js"
import { randomNumbers, settle } from "./support.mjs"

/** Web Locks for several tabs in one process. */
function makeLocks() {
  const tails = new Map()
  return (name, work) => {
    const turn = (tails.get(name) ?? Promise.resolve()).then(work)
    tails.set(
      name,
      turn.catch(() => {}),
    )
    return turn
  }
}

/** A browser: one store that tells the other tabs, one clock, one set of locks. */
function makeBrowser(t) {
  const shared = memoryStore()
  const locks = makeLocks()
  const tabs = []
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 })
  return {
    shared,
    async tab(send, owner = "guest/5") {
      const tell = () => tabs.forEach((other) => other !== store && other.onchange?.())
      const store = {
        list: () => shared.list(),
        add: (row) => shared.add(row).then(tell),
        edit: (change) => shared.edit(change).then(tell),
        onchange: null,
      }
      tabs.push(store)
      const outbox = new Outbox({ store, send, locks, now: () => Date.now() })
      await outbox.setOwner(owner)
      return outbox
    },
    pass: async (ms) => {
      t.mock.timers.tick(ms)
      await settle()
    },
  }
}

const refusal = (code, extra = {}) => new CommandError({ code, message: code, ...extra })
const textsOf = (outbox) => outbox.rows.map((row) => row.text)

/** A server that keeps what it is told, and says at once when two sends of one browser are under way. */
function makeServer() {
  const server = {
    kept: [],
    kinds: [],
    atOnce: 0,
    most: 0,
    answer: async () => {},
    send: async (row) => {
      server.most = Math.max(server.most, ++server.atOnce)
      try {
        await settle(3)
        await server.answer(row)
        const known = server.kept.find((one) => one.client_id === row.client_id)
        if (!known) server.kept.push(row)
        server.kinds.push(row.kind)
        return { chat: 12, seq: server.kept.length, duplicate: Boolean(known) }
      } finally {
        server.atOnce--
      }
    },
  }
  return server
}

test("messages leave one at a time, in the order written, and are gone after their acknowledgement", async (t) => {
  const browser = makeBrowser(t)
  const server = makeServer()
  const outbox = await browser.tab(server.send)
  for (const text of ["раз", "два", "три"]) await outbox.add({ chat: 12, text })
  assert.deepEqual(textsOf(outbox), ["раз", "два", "три"])
  assert.equal(server.kept.length, 0, "nothing leaves before the connection has caught up")

  outbox.connected()
  await settle(300)
  assert.deepEqual(
    server.kept.map((row) => row.text),
    ["раз", "два", "три"],
  )
  assert.equal(server.most, 1)
  assert.deepEqual(outbox.rows, [])
})

test("the first message opens the chat, and those behind it go into that chat", async (t) => {
  const browser = makeBrowser(t)
  const server = makeServer()
  const outbox = await browser.tab(server.send)
  for (const text of ["раз", "два", "три"]) await outbox.add({ chat: null, text })
  outbox.connected()
  await settle(300)
  assert.deepEqual(server.kinds, ["chat.open", "message.send", "message.send"])
  assert.deepEqual(
    server.kept.map((row) => row.chat),
    [null, 12, 12],
  )
})

test("a message refused for being too fast waits as long as it is told, and is not overtaken", async (t) => {
  const browser = makeBrowser(t)
  const server = makeServer()
  let tries = 0
  server.answer = async (row) => {
    if (row.text === "два" && ++tries <= 2) throw refusal("rate_limited", { retry_after_ms: 1200 })
  }
  const outbox = await browser.tab(server.send)
  for (const text of ["раз", "два", "три"]) await outbox.add({ chat: 12, text })
  outbox.connected()
  await settle(300)
  assert.deepEqual(
    server.kept.map((row) => row.text),
    ["раз"],
  )
  await browser.pass(1100)
  assert.equal(tries, 1, "not a moment too early")
  await browser.pass(150)
  await browser.pass(1300)
  await settle(300)
  assert.deepEqual(
    server.kept.map((row) => row.text),
    ["раз", "два", "три"],
  )
})

test("a lost connection leaves the message pending, and the retry has the same client_id", async (t) => {
  const browser = makeBrowser(t)
  const server = makeServer()
  const sent = []
  let cut = true
  server.answer = async (row) => {
    sent.push(row.client_id)
    if (!cut) return
    server.kept.push(row) // it was committed, but the acknowledgement got lost
    outbox.disconnected()
    throw refusal("disconnected")
  }
  const outbox = await browser.tab(server.send)
  await outbox.add({ chat: 12, text: "раз" })
  outbox.connected()
  await settle(100)
  assert.equal(outbox.rows[0].state, "pending")
  cut = false
  outbox.connected()
  await settle(100)
  assert.equal(sent.length, 2)
  assert.equal(sent[0], sent[1])
  assert.equal(server.kept.length, 1)
  assert.deepEqual(outbox.rows, [])
})

test("the event with the client_id is as good as the acknowledgement", async (t) => {
  const browser = makeBrowser(t)
  const server = makeServer()
  server.answer = () => new Promise(() => {}) // no acknowledgement ever
  const outbox = await browser.tab(server.send)
  const client_id = await outbox.add({ chat: 12, text: "раз" })
  outbox.connected()
  await settle(50)
  await outbox.stored(client_id)
  assert.deepEqual(outbox.rows, [])
})

test("what is refused for good is shown as failed and lets the others pass; retry and discard decide", async (t) => {
  const browser = makeBrowser(t)
  const server = makeServer()
  let closed = true
  server.answer = async (row) => {
    if (closed && row.text !== "три") throw refusal("closed")
  }
  const outbox = await browser.tab(server.send)
  const first = await outbox.add({ chat: 12, text: "раз" })
  const second = await outbox.add({ chat: 12, text: "два" })
  await outbox.add({ chat: 12, text: "три" })
  outbox.connected()
  await settle(300)
  assert.deepEqual(
    outbox.rows.map((row) => [row.text, row.state, row.error]),
    [
      ["раз", "failed", "closed"],
      ["два", "failed", "closed"],
    ],
  )
  closed = false
  await outbox.discard(second)
  await outbox.retry(first, { chat: null })
  await settle(100)
  assert.deepEqual(server.kinds, ["message.send", "chat.open"])
  assert.equal(server.kept.at(-1).client_id, first)
  assert.deepEqual(outbox.rows, [])
})

test("a reply into a chat that moved on is kept back with the new entries until it is forced", async (t) => {
  const browser = makeBrowser(t)
  const server = makeServer()
  server.answer = async (row) => {
    if (!row.force) throw refusal("conflict", { reason: "moved_on", entries: [{ seq: 9 }] })
  }
  const outbox = await browser.tab(server.send, "staff/7")
  const client_id = await outbox.add({ chat: 12, text: "раз", seen: 8 })
  outbox.connected()
  await settle(100)
  assert.deepEqual([outbox.rows[0].error, outbox.rows[0].entries], ["moved_on", [{ seq: 9 }]])
  await outbox.retry(client_id, { force: true })
  await settle(100)
  assert.equal(server.kept[0].client_id, client_id)
})

test("a client_id that means something else already is replaced for the retry", async (t) => {
  const browser = makeBrowser(t)
  const server = makeServer()
  let clash = true
  server.answer = async () => {
    if (clash) throw refusal("conflict", { reason: "client_id" })
  }
  const outbox = await browser.tab(server.send)
  const client_id = await outbox.add({ chat: 12, text: "раз" })
  outbox.connected()
  await settle(100)
  clash = false
  await outbox.retry(client_id)
  await settle(100)
  assert.notEqual(server.kept[0].client_id, client_id)
})

test("staff: a chat that waits does not hold up the others", async (t) => {
  const browser = makeBrowser(t)
  const server = makeServer()
  server.answer = async (row) => {
    if (row.chat === 1) throw refusal("busy", { retry_after_ms: 60_000 })
  }
  const outbox = await browser.tab(server.send, "staff/7")
  await outbox.add({ chat: 1, text: "раз" })
  await outbox.add({ chat: 2, text: "два" })
  outbox.connected()
  await settle(200)
  assert.deepEqual(
    server.kept.map((row) => row.text),
    ["два"],
  )
})

test("another tab shows what is pending, and the messages of two tabs leave one at a time, in the order written", async (t) => {
  const browser = makeBrowser(t)
  const server = makeServer()
  const one = await browser.tab(server.send)
  const other = await browser.tab(server.send)
  for (let n = 1; n <= 8; n++) await (n % 2 ? one : other).add({ chat: null, text: String(n) })
  await settle()
  assert.equal(other.rows.length, 8)
  one.connected()
  other.connected()
  await settle(2000)
  assert.deepEqual(
    server.kept.map((row) => row.text),
    ["1", "2", "3", "4", "5", "6", "7", "8"],
  )
  assert.equal(server.most, 1)
  assert.deepEqual([one.rows, other.rows], [[], []])
})

test("a tab that goes away leaves its messages to the other one", async (t) => {
  const browser = makeBrowser(t)
  const server = makeServer()
  const gone = await browser.tab(() => Promise.reject(refusal("disconnected")))
  await gone.add({ chat: 12, text: "раз" })
  gone.disconnected()
  const other = await browser.tab(server.send) // or the same one after a reload
  other.connected()
  await settle(200)
  assert.equal(server.kept.length, 1)
})

test("rows follow their owner who registers, and are wiped at sign-out; nobody else's are touched or sent", async (t) => {
  const browser = makeBrowser(t)
  const server = makeServer()
  const outbox = await browser.tab(server.send, "guest/new")
  await outbox.add({ chat: null, text: "гость" })
  await outbox.rename("guest/new", "guest/5")
  await outbox.rename("guest/5", "user/5")
  assert.deepEqual([outbox.owner, outbox.rows.length], ["user/5", 1])

  await outbox.setOwner("user/9")
  assert.deepEqual(outbox.rows, [])
  outbox.connected()
  await settle(100)
  assert.equal(server.kept.length, 0, "another person's message is not sent by us")
  await outbox.wipe()
  await outbox.setOwner("user/5")
  await settle(100)
  assert.equal(server.kept.length, 1)
  await outbox.add({ chat: 12, text: "ещё" })
  outbox.disconnected()
  await outbox.wipe()
  assert.deepEqual(await browser.shared.list(), [])
})

test("with refusals, cuts and two tabs in any order: once each, in the order written", async (t) => {
  const browser = makeBrowser(t)
  for (let seed = 1; seed <= 60; seed++) {
    const random = randomNumbers(seed)
    const server = makeServer()
    const tabs = []
    server.answer = async (row) => {
      const fate = random()
      if (fate < 0.2) throw refusal("rate_limited", { retry_after_ms: 300 })
      if (fate < 0.3) throw refusal("busy", { retry_after_ms: 100 })
      if (fate < 0.45) {
        if (fate < 0.38 && !server.kept.some((one) => one.client_id === row.client_id)) server.kept.push(row)
        throw refusal("disconnected")
      }
    }
    const local = { ...browser, shared: null }
    for (const name of ["one", "other"]) tabs.push(await local.tab(server.send, `guest/${seed}`, name))
    tabs.forEach((tab) => tab.connected())
    for (let n = 0; n < 12; n++) await tabs[n % 2].add({ chat: null, text: `${seed}-${n}` })
    for (let round = 0; round < 400 && tabs[0].rows.length; round++) await browser.pass(60)
    assert.deepEqual(
      server.kept.map((row) => row.text),
      Array.from({ length: 12 }, (_, n) => `${seed}-${n}`),
      `seed ${seed}`,
    )
    assert.equal(server.most, 1)
    tabs.forEach((tab) => tab.disconnected())
  }
})

test("staff: two chats that wait each have their own time", async (t) => {
  const browser = makeBrowser(t)
  const server = makeServer()
  const waits = { 1: [500], 2: [60_000] }
  server.answer = async (row) => {
    const wait = waits[row.chat].shift()
    if (wait) throw refusal("busy", { retry_after_ms: wait })
  }
  const outbox = await browser.tab(server.send, "staff/7")
  await outbox.add({ chat: 1, text: "раз" })
  await outbox.add({ chat: 2, text: "два" })
  outbox.connected()
  await settle(200)
  await browser.pass(600)
  await settle(200)
  assert.deepEqual(
    server.kept.map((row) => row.text),
    ["раз"],
  )
})
