import assert from "node:assert/strict"
import { test } from "node:test"
import { afterClose, backoff } from "../../static/js/backoff.js"
import { Marks } from "../../static/js/marks.js"
import { Socket } from "../../static/js/socket.js"
import { settle } from "./support.mjs"

test("the waits double up to twenty seconds, and are anywhere below that", () => {
  assert.deepEqual(
    [0, 1, 2, 5, 6, 40].map((n) => backoff(n, () => 1)),
    [500, 1000, 2000, 16000, 20000, 20000],
  )
  assert.equal(
    backoff(6, () => 0),
    0,
  )
  assert.equal(
    backoff(6, () => 0.5),
    10000,
  )
})

test("the range of a close code says what to do, for codes that are not invented yet too", () => {
  const says = (...codes) => codes.map(afterClose)
  assert.deepEqual(says(1006, 1012, 1001, 4100, 4101, 4108, 4199), Array(7).fill("again"))
  assert.deepEqual(says(4200, 4201, 4299), Array(3).fill("fresh"))
  assert.deepEqual(says(1002, 1007, 1009, 4400, 4401, 4403, 4406, 4429, 4499), Array(9).fill("stop"))
  assert.equal(afterClose(4110), "visible")
})

/** Sockets that the test plays the server for. */
function makeWorld(t) {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] })
  const sockets = []
  class FakeSocket {
    sent = []
    readyState = 1
    constructor(url, protocol) {
      Object.assign(this, { url, protocol })
      sockets.push(this)
    }
    send(text) {
      this.sent.push(JSON.parse(text))
    }
    close() {
      this.readyState = 3
    }
    say(frame) {
      this.onmessage({ data: JSON.stringify(frame) })
    }
    async accept(data = { epoch: "e-1", me: { kind: "guest", id: 5 } }) {
      this.onopen()
      this.say({ reply_to: 1, ok: true, data })
      await settle()
    }
  }
  const seen = { frames: [], states: [], closed: [], fresh: [] }
  const socket = new Socket({
    url: "ws://shop/ws",
    WebSocket: FakeSocket,
    hello: (fresh) => (seen.fresh.push(fresh), fresh ? {} : { resume: { epoch: "e-1" } }),
    onFrame: (frame) => seen.frames.push(frame),
    onState: (state) => seen.states.push(state),
    onClosed: (code) => seen.closed.push(code),
  })
  return { socket, sockets, seen, tick: (ms) => t.mock.timers.tick(ms) }
}

test("hello comes first, then commands with rising ids and their own replies", async (t) => {
  const { socket, sockets } = makeWorld(t)
  socket.start()
  await sockets[0].accept()
  assert.equal(sockets[0].protocol, "cts.v1")
  assert.deepEqual(sockets[0].sent[0], {
    id: 1,
    type: "hello",
    data: { protocol: 1, client: "web/1.0", resume: { epoch: "e-1" } },
  })
  const first = socket.command("ping", { n: 1 })
  const second = socket.command("message.send", {})
  sockets[0].say({ reply_to: 3, ok: false, error: { code: "rate_limited", message: "", retry_after_ms: 900 } })
  sockets[0].say({ reply_to: 2, ok: true, data: { n: 1 } })
  assert.deepEqual(await first, { n: 1 })
  await assert.rejects(second, { code: "rate_limited", retry_after_ms: 900, passing: true })
})

test("no more commands are in flight than the server allows; the others wait", async (t) => {
  const { socket, sockets } = makeWorld(t)
  socket.start()
  await sockets[0].accept({ epoch: "e-1", limits: { in_flight: 2 } })
  for (let n = 0; n < 4; n++) socket.command("chat.sync", { n })
  assert.equal(sockets[0].sent.length, 3)
  sockets[0].say({ reply_to: 2, ok: true, data: {} })
  assert.equal(sockets[0].sent.length, 4)
})

test("a cut rejects what is under way and comes back with the cursors", async (t) => {
  const { socket, sockets, seen, tick } = makeWorld(t)
  socket.start()
  await sockets[0].accept()
  const lost = socket.command("message.send", {})
  sockets[0].onclose({ code: 1006 })
  await assert.rejects(lost, { code: "disconnected", passing: true })
  assert.equal(socket.state, "waiting")
  tick(500)
  assert.equal(sockets.length, 2)
  await sockets[1].accept()
  assert.deepEqual(seen.fresh, [false, false])
  assert.equal(socket.state, "ready")
})

test("another identity or epoch: at once, without cursors", async (t) => {
  const { socket, sockets, seen, tick } = makeWorld(t)
  socket.start()
  await sockets[0].accept()
  sockets[0].onclose({ code: 4201 })
  tick(0)
  await sockets[1].accept()
  assert.deepEqual(seen.fresh, [false, true])
})

test("a final code ends it, until somebody starts it again", async (t) => {
  const { socket, sockets, tick } = makeWorld(t)
  socket.start()
  await sockets[0].accept()
  sockets[0].onclose({ code: 4403 })
  tick(60_000)
  assert.deepEqual([socket.state, sockets.length], ["stopped", 1])
  socket.start()
  assert.equal(sockets.length, 2)
})

test("a restart that names its time is waited for that long", async (t) => {
  const { socket, sockets, tick } = makeWorld(t)
  socket.start()
  await sockets[0].accept()
  sockets[0].say({ type: "server.draining", data: { after_ms: 7340 } })
  sockets[0].onclose({ code: 1012 })
  tick(7300)
  assert.equal(sockets.length, 1)
  tick(50)
  assert.equal(sockets.length, 2)
})

test("forty seconds of silence are a lost connection", async (t) => {
  const { socket, sockets, tick } = makeWorld(t)
  socket.start()
  await sockets[0].accept()
  tick(30_000)
  sockets[0].say({ type: "heartbeat" })
  tick(39_000)
  assert.equal(socket.state, "ready")
  tick(1_001)
  assert.equal(socket.state, "waiting")
})

test("on waking up a dead connection is found out within three seconds, a living one stays", async (t) => {
  const { socket, sockets, tick } = makeWorld(t)
  socket.start()
  await sockets[0].accept()
  socket.wake()
  sockets[0].say({ reply_to: 2, ok: true, data: { n: 1 } })
  await settle()
  tick(3_500)
  assert.equal(socket.state, "ready")
  socket.wake()
  tick(3_001)
  assert.equal(socket.state, "waiting")
  socket.wake()
  assert.equal(sockets.length, 2, "and then nobody waits any longer")
})

test("marks are told at most once a second, the highest only, and again to a new connection", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] })
  const told = []
  const marks = new Marks((type, { seq }) => told.push([type, seq]))
  marks.delivered(12, 3)
  t.mock.timers.tick(1)
  marks.read(12, 4)
  marks.read(12, 6)
  marks.read(12, 5)
  t.mock.timers.tick(900)
  assert.deepEqual(told, [["chat.delivered", 3]])
  t.mock.timers.tick(200)
  marks.delivered(12, 6)
  t.mock.timers.tick(2_000)
  assert.deepEqual(told, [
    ["chat.delivered", 3],
    ["chat.read", 6],
  ])
  marks.reconnected()
  assert.deepEqual(told.at(-1), ["chat.read", 6])
})

test("a chat that is left has its last mark told, and none after that", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] })
  const told = []
  const marks = new Marks((type, { chat, seq }) => told.push([type, chat, seq]))
  marks.read(12, 4)
  marks.leave(12)
  marks.leave(13)
  t.mock.timers.tick(5_000)
  marks.reconnected()
  assert.deepEqual(told, [["chat.read", 12, 4]])
})
