/**
 * Parts of a page that follow the shop. The server draws them, in the page's language; when something that a part names
 * in data-follows has changed, it is taken anew from the page's own address.
 *   <section data-part="cart" data-follows="cart account">
 *   await refresh("cart")             every part that follows the cart
 *   place(await load(address), "catalogue")    a part of another page in place of ours
 * Kinds of changes: cart, account, order, reviews, catalogue; product with an article, for the parts that name it in
 * data-article. The document's events of EVENTS mean the same.
 */
import { ApiError } from "./api.js"
import { refusalOf } from "./problems.js"

const EVENTS = { "cart-changed": "cart", "order-updated": "order", "product-updated": "product" }
const SPREAD_MS = 3_000 // lists change for everybody at once, but not everybody has to ask at once
const SHOWN_MS = 6_000
const MOST_WATCHED = 100 // as the protocol has it
const parser = new DOMParser()
let waiting = new Set() // names of parts to be taken anew
let turn = null
let hiding = null
let spreading = null

/** The document behind one of our addresses. */
export async function load(address) {
  let response
  try {
    response = await fetch(address, { headers: { Accept: "text/html" } })
  } catch {
    throw new ApiError(0, { code: "disconnected" })
  }
  if (!response.ok) throw new ApiError(response.status, { code: response.status === 503 ? "busy" : "other" })
  return parser.parseFromString(await response.text(), "text/html")
}

/** Put a part of another document in the place of ours, wherever it stands, and keep the keyboard where it was. */
export function place(page, name) {
  const find = (root) => [...root.querySelectorAll(`[data-part="${name}"]`)]
  const theirs = find(page)
  for (const [index, ours] of find(document).entries()) {
    if (theirs[index] && !ours.isEqualNode(theirs[index])) replace(ours, document.adoptNode(theirs[index]))
  }
}

function replace(ours, theirs) {
  const focused = ours.contains(document.activeElement) ? document.activeElement : null
  const opened = [...ours.querySelectorAll("details[open][id]")].map(({ id }) => id)
  ours.replaceWith(theirs)
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "")
  const same = focused && document.getElementById(focused.id)
  if (same?.matches("input, textarea") && focused.value !== focused.defaultValue) same.value = focused.value // what is being typed is not lost
  if (focused) (same ?? document.querySelector("main")).focus({ preventScroll: true })
  theirs.dispatchEvent(new CustomEvent("part-placed", { bubbles: true }))
}

/**
 * What the page shows of the store, as `store.watch` takes it, and which versions of it: [data-rev] beside a product's
 * [data-article], [data-version] beside an order's [data-order], and the versions of the cart and of lists.
 */
export function shown() {
  const follows = (kind) => document.querySelector(`[data-follows~="${kind}"]`) !== null
  const products = [...document.querySelectorAll("[data-follows] [data-article], [data-follows][data-article]")]
  const articles = new Set(products.map(({ dataset }) => Number(dataset.article)))
  const { cart, catalogue } = document.querySelector("[data-store]").dataset
  const seen = { cart: Number(cart), catalogue: Number(catalogue) }
  for (const { dataset } of products) if (dataset.rev) seen[`product/${dataset.article}`] = Number(dataset.rev)
  const order = document.querySelector("[data-order]")?.dataset
  if (order) seen[`order/${order.order}`] = Number(order.version)
  const wanted = { products: [...articles].slice(0, MOST_WATCHED), cart: true }
  return { wanted: { ...wanted, orders: follows("order"), catalogue: follows("catalogue") }, seen }
}

/** Take anew what follows a change. Changes that come together make one request. Never rejects: there is nobody to ask. */
export function refresh(kind, detail = {}) {
  for (const part of document.querySelectorAll(`[data-follows~="${kind}"]`)) {
    if (kind !== "product" || shows(part, detail.article)) waiting.add(part.dataset.part)
  }
  if (waiting.size) turn ??= take().finally(() => (turn = null))
  return turn ?? Promise.resolve()
}

const shows = (part, article) =>
  article === undefined || part.matches(`[data-article="${article}"]`) || part.querySelector(`[data-article="${article}"]`)

async function take() {
  await null // for what else changes in the same breath
  while (waiting.size) {
    const names = waiting
    waiting = new Set()
    try {
      const page = await load(location.href)
      for (const name of names) place(page, name)
    } catch (error) {
      if (typeof error.code !== "string") throw error
      if (error.code === "disconnected") say(refusalOf(error))
    }
  }
}

/** Tell what has happened: shown for a while, and read aloud. */
export function say(text) {
  const toast = document.querySelector("[data-status]")
  clearTimeout(hiding)
  toast.textContent = text
  hiding = setTimeout(() => (toast.textContent = ""), SHOWN_MS)
}

for (const [name, kind] of Object.entries(EVENTS)) {
  document.addEventListener(name, ({ detail }) => refresh(kind, detail ?? {}))
}
document.addEventListener("catalogue-updated", () => {
  spreading ??= setTimeout(() => {
    spreading = null
    refresh("catalogue")
  }, Math.random() * SPREAD_MS)
})
// A page that comes back as it was left (by the browser's back button) has missed what came since.
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) for (const kind of ["account", "cart", "order", "product", "catalogue"]) refresh(kind)
})
