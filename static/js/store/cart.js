/** The cart: quantities, taking out and putting back. Every change is asked of the shop, and the page drawn by it anew. */
import "../../components/quantity-field.js"
import { refresh, say } from "../parts.js"
import { refusalOf } from "../problems.js"
import { api } from "../shop.js"
import { t } from "../texts.js"
import { MERGED_KEY } from "./merged.js"

const QUIET_MS = 350 // someone who presses + five times wants one change
const timers = new Map()
let queue = Promise.resolve() // one change after another, as they were made

const lineOf = (node) => node.closest("[data-article]")
const chosen = () => [...document.querySelectorAll("[data-choose]:checked")].map(({ value }) => value)

/** Do something to the cart, then show what it is. `text`: what to say when it was done. */
function change(work, text, line = null) {
  queue = queue.then(async () => {
    let refusal = ""
    try {
      const done = await work()
      if (text) say(typeof text === "function" ? text(done) : text)
    } catch (error) {
      if (typeof error.code !== "string") throw error
      refusal = refusalOf(error)
      if (error.code === "out_of_stock") refusal = t("cart.only_left", { n: error.problem.lines[0].remains })
      if (error.code === "too_large") refusal = t("cart.full")
      if (error.code === "not_found") refusal = t("error.unavailable")
    }
    await refresh("cart")
    if (refusal) showRefusal(line, refusal)
  })
  return queue
}

function showRefusal(article, text) {
  const line = article && document.querySelector(`.line[data-article="${article}"]`)
  if (!line) return say(text)
  line.querySelector("[data-problem]").textContent = text
  const input = line.querySelector("[data-quantity]")
  input.value = input.defaultValue
}

function setQuantity(input) {
  const { article } = lineOf(input).dataset
  clearTimeout(timers.get(article))
  timers.set(
    article,
    setTimeout(() => {
      timers.delete(article)
      const quantity = Number.parseInt(input.value, 10)
      if (!(quantity >= 1 && quantity <= 999)) return showRefusal(article, t("error.quantity"))
      change(() => api.put(`cart/lines/${article}`, { quantity }), null, article)
    }, QUIET_MS),
  )
}

const removed = (n) => t("cart.removed_n", { n })

function removeChosen() {
  const lines = Object.fromEntries(chosen().map((article) => [article, null]))
  const { length } = Object.keys(lines)
  return change(() => api.patch("cart", { lines }), removed(length))
}

function restore(article) {
  const told = ({ restored, refused }) =>
    refused.length ? t("cart.not_restored", { n: refused.length }) : t("cart.restored", { n: restored.length })
  return change(() => api.post(article ? `cart/removed/${article}` : "cart/removed"), told)
}

/** What is chosen is what will be ordered, or taken out. */
function showChoice() {
  const boxes = [...document.querySelectorAll("[data-choose]")]
  const count = chosen().length
  const all = document.querySelector("[data-all]")
  if (!all) return
  all.checked = count > 0 && count === boxes.length
  all.indeterminate = count > 0 && count < boxes.length
  document.querySelector("[data-remove-chosen]").disabled = !count
  document.querySelector("[data-chosen-note]").hidden = !count || count === boxes.length
}

/** What became of the guest's cart and the account's, until it was read once. */
function showReport() {
  const place = document.querySelector("[data-merged]")
  const kept = sessionStorage.getItem(MERGED_KEY)
  if (!kept || !place) return
  sessionStorage.removeItem(MERGED_KEY)
  const title = document.createElement("p")
  title.textContent = t("cart.merged")
  const list = document.createElement("ul")
  for (const { article, guest, user, result } of JSON.parse(kept)) {
    const name = document.querySelector(`.line[data-article="${article}"]`)?.dataset.name
    if (!name || !guest || !user) continue
    const item = document.createElement("li")
    item.textContent = t("cart.merged_line", { name, guest, user, result })
    list.append(item)
  }
  place.replaceChildren(title, list)
  place.hidden = false
}

document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-quantity]")) setQuantity(target)
  if (target.matches("[data-all]")) {
    for (const box of document.querySelectorAll("[data-choose]")) box.checked = target.checked
  }
  if (target.matches("[data-all], [data-choose]")) showChoice()
})
document.addEventListener("click", ({ target }) => {
  const button = target.closest("button")
  if (!button) return
  const { remove, restore: back } = button.dataset
  if (remove) change(() => api.delete(`cart/lines/${remove}`), removed(1))
  else if (back !== undefined) restore(back)
  else if (button.matches("[data-remove-chosen]")) removeChosen()
  else if (button.matches("[data-clear]")) change(() => api.delete("cart"), t("cart.cleared"))
})
document.addEventListener("part-placed", () => {
  showChoice()
  showReport()
})
showChoice()
showReport()
