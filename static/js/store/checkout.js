/** The checkout: one order however often it is sent, and what has changed since somebody looked. */
import { ApiError } from "../api.js"
import { clearProblems, sending, showError } from "../forms.js"
import { money } from "../format.js"
import { newClientId } from "../outbox.js"
import { refresh, say } from "../parts.js"
import { api } from "../shop.js"
import { t } from "../texts.js"

const KEY = "cts-order" // {key, body}: what was sent and not yet answered
const form = document.querySelector("[data-checkout]")
const summary = () => document.querySelector("[data-part=summary]")

/** What the form says, for the customer who sees this summary. */
function orderOf() {
  const { version, total, lines } = summary().dataset
  const value = (name) => form.elements[name].value.trim()
  const method = value("delivery/method")
  return {
    cart_version: Number(version),
    expected_total: { amount: Number(total) },
    ...(lines ? { lines: lines.split(" ").map(Number) } : {}),
    contact: { name: value("contact/name"), phone: value("contact/phone"), email: value("contact/email") || null },
    delivery: { method, address: method === "pickup" ? "" : value("delivery/address"), note: value("delivery/note") },
    payment: { method: value("payment/method") },
  }
}

/** The key of this order: the same as before while nobody knows whether it came through. */
function keyOf(body) {
  const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null")
  const key = kept?.body === body ? kept.key : newClientId()
  sessionStorage.setItem(KEY, JSON.stringify({ key, body }))
  return key
}

async function place() {
  const order = orderOf()
  const key = keyOf(JSON.stringify(order))
  try {
    const placed = await api.post("orders", order, { key })
    sessionStorage.removeItem(KEY)
    return placed
  } catch (error) {
    if (error.status && error.status < 500) sessionStorage.removeItem(KEY)
    if (error.status !== 409) throw error
    return refused(error)
  }
}

/** The cart is not what it was: say which line, and show the new total to agree to. */
async function refused({ code, problem }) {
  if (problem.reason === "already_ordered") return { id: problem.order }
  await refresh("cart")
  if (code === "out_of_stock") {
    const lines = problem.lines.map((line) => t("checkout.fewer", { name: line.name, n: line.remains }))
    showError(form, [t("checkout.out_of_stock"), ...lines].join("\n"))
  } else if (problem.reason === "price_changed") {
    const changed = problem.lines.filter(({ then, now }) => then.amount !== now.amount)
    const lines = changed.map((line) =>
      t("checkout.price", { name: line.name, then: money(line.then), now: money(line.now) }),
    )
    showError(form, [t("checkout.price_changed", { total: money(problem.total) }), ...lines].join("\n"))
  } else if (["cart_changed", "empty"].includes(problem.reason)) showError(form, t("checkout.cart_changed"))
  else throw new ApiError(409, problem)
  form.querySelector("[data-error]").scrollIntoView({ block: "center" })
  document.querySelector("#place-order")?.focus({ preventScroll: true })
  return undefined
}

function showAddress() {
  const isPickup = form.elements["delivery/method"].value === "pickup"
  form.querySelector("[data-address]").hidden = isPickup
}

if (form) {
  form.addEventListener("change", showAddress)
  form.addEventListener("submit", async (event) => {
    event.preventDefault()
    const placed = await sending(form, place, { delivery: "delivery/address" })
    if (placed) location.assign(`/orders/${placed.id}`)
  })
  let total = summary().dataset.total
  document.addEventListener("part-placed", () => {
    if (!summary() || summary().dataset.total === total) return
    total = summary().dataset.total
    say(t("checkout.new_total", { total: money({ amount: Number(total), currency: "RUB" }) })) // before it is agreed to
  })
  // Whoever has just signed in is known by name; what was typed before stays.
  document.addEventListener("part-placed", async ({ target }) => {
    if (target.dataset.who !== "user") return
    clearProblems(form)
    const { name, lastname, email } = await api.get("users/me")
    form.elements["contact/name"].value ||= [name, lastname].filter(Boolean).join(" ")
    form.elements["contact/email"].value ||= email
    form.elements["contact/name"].focus()
  })
  showAddress()
}
