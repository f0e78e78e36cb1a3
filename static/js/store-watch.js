/**
 * What a page wants to hear of the store: asked again after each hello, and told as events on the document.
 *
 *   const watch = new StoreWatch((handlers) => new Socket({ url, ...handlers }))
 *   watch.want({ products: [4711], cart: true }, { "product/4711": 17, cart: 3 })
 *
 * `want` takes what `store.watch` takes (ws/PROTOCOL.md), in place of what was wanted before, and the versions that the
 * page shows already: "product/<article>", "cart", "order/<id>", "catalogue". Events for what is newer: "product-updated"
 * (detail: the product's state, or {article, status: "archived"} once it is gone), "cart-changed" (the cart),
 * "order-updated" (the order's state), "catalogue-updated" (lists are to be read anew).
 *
 * Whoever has a session hears by that session's socket (`connected`). A visitor has none: after `visit` there is a socket
 * without a session while the page wants something that is for everybody.
 */
const EVENTS = {
  "product.updated": "product-updated",
  "cart.updated": "cart-changed",
  "order.updated": "order-updated",
  "catalogue.updated": "catalogue-updated",
}

export class StoreWatch {
  #open
  #target
  #wanted = null
  #versions = new Map() // key → the highest that was told or is on the page
  #gone = new Set() // articles of which the page knows that they are not shown
  #known = null // {epoch, me} to which they belong
  #connection = null // {command, me} after hello
  #asked = 0
  #timer = null
  #visiting = false
  #visitor = null

  constructor(open, target = globalThis.document) {
    this.#open = open
    this.#target = target
  }

  want(wanted, seen = {}) {
    this.#wanted = wanted
    for (const [key, version] of Object.entries(seen)) this.#isNews(key, version)
    if (this.#connection) this.#ask()
    else this.#connectVisitor()
  }

  /** Nobody is signed in here. */
  visit() {
    this.#visiting = true
    this.#connectVisitor()
  }

  /** Somebody is, and has a socket. */
  endVisit() {
    this.#visiting = false
    this.#visitor?.stop()
    this.#visitor = null
  }

  wake() {
    this.#visitor?.wake()
  }

  /** Hello was answered. `command(type, data)` asks by this connection. */
  connected(command, { epoch, me }) {
    const before = this.#known ?? { epoch, me }
    if (before.epoch !== epoch) this.#gone.clear()
    for (const key of this.#versions.keys()) {
      const isForAll = key === "catalogue" || key.startsWith("product/")
      const isSame = before.epoch === epoch && (isForAll || (before.me.kind === me.kind && before.me.id === me.id))
      if (!isSame) this.#versions.delete(key)
    }
    this.#known = { epoch, me }
    this.#connection = { command, me }
    if (this.#wanted) this.#ask()
  }

  disconnected() {
    clearTimeout(this.#timer)
    this.#connection = null
  }

  /** Whether a frame was one of ours. */
  frame({ type, key, version, data }) {
    if (!EVENTS[type]) return false
    this.#tell(type, type === "cart.updated" ? "cart" : key, version, data)
    return true
  }

  async #ask() {
    const asked = ++this.#asked
    const { command, me } = this.#connection
    const { products = [], catalogue = false } = this.#wanted
    try {
      const reply = await command("store.watch", me.kind === "visitor" ? { products, catalogue } : this.#wanted)
      if (asked === this.#asked) this.#apply(reply, products) // else it answers what nobody wants to know any more
    } catch (error) {
      if (error.retry_after_ms !== undefined && asked === this.#asked && this.#connection) {
        this.#timer = setTimeout(() => this.#ask(), error.retry_after_ms)
      } else if (error.code !== "disconnected") throw error // and the next hello asks again
    }
  }

  #apply({ products, cart, orders, catalogue }, asked) {
    for (const state of products) this.#tell("product.updated", `product/${state.article}`, state.rev, state)
    const there = new Set(products.map(({ article }) => article))
    for (const article of asked) if (!there.has(article)) this.#lose(article)
    if (cart) this.#tell("cart.updated", "cart", cart.version, cart)
    for (const order of orders ?? []) this.#tell("order.updated", `order/${order.id}`, order.version, order)
    if (catalogue !== null) this.#tell("catalogue.updated", "catalogue", catalogue, {})
  }

  #tell(type, key, version, detail) {
    if (!this.#isNews(key, version)) return
    if (type === "product.updated") {
      if (!("price" in detail)) return this.#lose(detail.article)
      this.#gone.delete(detail.article)
    }
    this.#target.dispatchEvent(new CustomEvent(EVENTS[type], { detail }))
  }

  #lose(article) {
    if (this.#gone.has(article)) return
    this.#gone.add(article)
    this.#target.dispatchEvent(new CustomEvent("product-updated", { detail: { article, status: "archived" } }))
  }

  #isNews(key, version) {
    if (version <= (this.#versions.get(key) ?? -1)) return false
    this.#versions.set(key, version)
    return true
  }

  #connectVisitor() {
    if (!this.#visiting || this.#visitor || !(this.#wanted?.products?.length || this.#wanted?.catalogue)) return
    const socket = (this.#visitor = this.#open({
      hello: () => ({}),
      onHello: (reply) => this.connected((type, data) => socket.command(type, data), reply),
      onFrame: (frame) => this.frame(frame),
      onState: (state) => state !== "ready" && this.disconnected(),
    }))
    socket.start()
  }
}
