import assert from "node:assert/strict"
import { test } from "node:test"
import { StoreWatch } from "../../static/js/store-watch.js"
import { settle } from "./support.mjs"

const USER = { epoch: "e-1", me: { kind: "user", id: 5 } }
const VISITOR = { epoch: "e-1", me: { kind: "visitor", id: null } }
const state = (article, rev, amount = 1000) => ({ article, status: "published", price: { amount }, rev })
const updated = (article, rev, data = state(article, rev)) => ({
  type: "product.updated",
  key: `product/${article}`,
  version: rev,
  data,
})
const snapshot = (...products) => ({ products, cart: null, orders: null, catalogue: null })

/** A watch on a page, a server that answers what it is told to, and what the page was told. */
function makeWorld() {
  const world = { told: [], asked: [], answers: [], sockets: [] }
  const page = new EventTarget()
  for (const name of ["product-updated", "cart-changed", "order-updated", "catalogue-updated"]) {
    page.addEventListener(name, ({ detail }) => world.told.push([name, detail]))
  }
  world.command = async (type, data) => {
    world.asked.push([type, data])
    const answer = world.answers.shift() ?? snapshot()
    if (answer.code) throw Object.assign(new Error(answer.code), answer)
    return answer
  }
  world.watch = new StoreWatch((handlers) => {
    const socket = { ...handlers, isOn: false, command: world.command, wake() {} }
    socket.start = () => (socket.isOn = true)
    socket.stop = () => {
      socket.isOn = false
      handlers.onState("off")
    }
    world.sockets.push(socket)
    return socket
  }, page)
  world.amounts = () => world.told.map(([, detail]) => detail.price?.amount ?? detail.status)
  return world
}

test("what is wanted is asked for after each hello, and at once when the page wants something else", async () => {
  const { watch, command, asked } = makeWorld()
  watch.want({ products: [1] })
  watch.connected(command, USER)
  watch.want({ products: [2], cart: true })
  watch.disconnected()
  watch.connected(command, USER)
  await settle()
  assert.deepEqual(
    asked.map(([type, data]) => [type, data]),
    [
      ["store.watch", { products: [1] }],
      ["store.watch", { products: [2], cart: true }],
      ["store.watch", { products: [2], cart: true }],
    ],
  )
})

test("only what is newer than the page is told, by whichever way it comes", async () => {
  const world = makeWorld()
  const { watch, command, answers } = world
  answers.push({ ...snapshot(state(1, 17), state(2, 9, 700)), cart: { version: 3 }, catalogue: 40 })
  watch.want({ products: [1, 2], cart: true, catalogue: true }, { "product/1": 17, "product/2": 8, cart: 3, catalogue: 40 })
  watch.connected(command, USER)
  await settle()
  assert.deepEqual(world.told, [["product-updated", state(2, 9, 700)]])

  assert.equal(watch.frame(updated(1, 18, state(1, 18, 900))), true)
  watch.frame(updated(1, 17)) // late
  watch.frame({ type: "cart.updated", key: "cart/5", version: 4, data: { version: 4 } })
  watch.frame({ type: "order.updated", key: "order/31", version: 2, data: { id: 31 } })
  watch.frame({ type: "catalogue.updated", key: "catalogue", version: 41, data: {} })
  assert.equal(watch.frame({ type: "inbox", key: "inbox", version: 1, data: {} }), false)
  assert.deepEqual(
    world.told.slice(1).map(([name]) => name),
    ["product-updated", "cart-changed", "order-updated", "catalogue-updated"],
  )
})

test("a change that was missed while away comes with the next snapshot, once", async () => {
  const world = makeWorld()
  const { watch, command, answers } = world
  watch.want({ products: [1] }, { "product/1": 17 })
  answers.push(snapshot(state(1, 17)), snapshot(state(1, 20, 800)), snapshot(state(1, 20, 800)))
  for (let round = 0; round < 3; round++) {
    watch.connected(command, USER)
    await settle()
    watch.disconnected()
  }
  assert.deepEqual(world.amounts(), [800])
})

test("an event that overtakes the snapshot is not taken back by it", async () => {
  const world = makeWorld()
  const { watch, command, answers } = world
  answers.push(snapshot(state(1, 17, 1000)))
  watch.want({ products: [1] })
  watch.connected(command, USER)
  watch.frame(updated(1, 18, state(1, 18, 900)))
  await settle()
  assert.deepEqual(world.amounts(), [900])
})

test("a product that goes is told once, and again when it is back", async () => {
  const world = makeWorld()
  const { watch, command, answers } = world
  answers.push(snapshot(state(1, 17)), snapshot())
  watch.want({ products: [1] }, { "product/1": 17 })
  watch.connected(command, USER)
  await settle()
  watch.frame(updated(1, 18, { article: 1, status: "archived" }))
  watch.connected(command, USER)
  await settle()
  watch.frame(updated(1, 19))
  assert.deepEqual(world.amounts(), ["archived", 1000])
})

test("another person's cart counts anew, and with another epoch everything does", async () => {
  const world = makeWorld()
  const { watch, command, answers } = world
  watch.want({ products: [1], cart: true })
  const people = [USER, { epoch: "e-1", me: { kind: "user", id: 6 } }, { epoch: "e-2", me: { kind: "user", id: 6 } }]
  for (const [index, person] of people.entries()) {
    answers.push({ ...snapshot(state(1, 17 - index)), cart: { version: 7 - index } })
    watch.connected(command, person)
    await settle()
  }
  assert.deepEqual(
    world.told.map(([name, { rev, version }]) => [name, rev ?? version]),
    [
      ["product-updated", 17],
      ["cart-changed", 7],
      ["cart-changed", 6],
      ["product-updated", 15],
      ["cart-changed", 5],
    ],
  )
})

test("a visitor has a socket only while something for everybody is wanted, and asks for nothing else", async () => {
  const { watch, asked, sockets } = makeWorld()
  watch.visit()
  watch.want({ cart: true })
  assert.equal(sockets.length, 0)
  watch.want({ products: [1], cart: true, orders: true })
  assert.deepEqual([sockets.length, sockets[0].isOn, sockets[0].hello()], [1, true, {}])
  sockets[0].onHello(VISITOR)
  await settle()
  assert.deepEqual(asked, [["store.watch", { products: [1], catalogue: false }]])
})

test("who signs in leaves the visitor's socket and is asked for everything by the own one", async () => {
  const { watch, command, asked, sockets } = makeWorld()
  watch.want({ products: [1], cart: true })
  watch.visit()
  sockets[0].onHello(VISITOR)
  watch.endVisit()
  assert.equal(sockets[0].isOn, false)
  watch.connected(command, USER)
  await settle()
  assert.deepEqual(asked.at(-1), ["store.watch", { products: [1], cart: true }])
  assert.equal(sockets.length, 1)
})

test("a server that is busy is asked again, a lost connection waits for hello", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] })
  const { watch, command, asked, answers } = makeWorld()
  answers.push({ code: "busy", retry_after_ms: 500 }, { code: "disconnected" })
  watch.want({ products: [1] })
  watch.connected(command, USER)
  await settle()
  t.mock.timers.tick(501)
  await settle()
  t.mock.timers.tick(10_000)
  assert.equal(asked.length, 2)
})
