/** One product: its pictures, putting it in the cart, and what customers say of it. */
import "../../components/quantity-field.js"
import { newClientId } from "../outbox.js"
import { refresh, say } from "../parts.js"
import { refusalOf } from "../problems.js"
import { api, ensureSession } from "../shop.js"
import { t } from "../texts.js"
import "./reviews.js"

// --- pictures ----------------------------------------------------------------------------------------------------------

const strip = document.querySelector("[data-strip]")
const thumbs = [...document.querySelectorAll("[data-thumb]")]

function turnTo(index) {
  strip.scrollTo({ left: strip.children[index].offsetLeft })
  mark(index)
}

function mark(shown) {
  for (const [index, thumb] of thumbs.entries()) {
    if (index === shown) thumb.setAttribute("aria-current", "true")
    else thumb.removeAttribute("aria-current")
  }
}

const shownIndex = () => Math.round(strip.scrollLeft / strip.clientWidth)

if (thumbs.length) {
  for (const [index, thumb] of thumbs.entries()) {
    thumb.addEventListener("click", (event) => {
      event.preventDefault()
      turnTo(index)
    })
    thumb.addEventListener("keydown", ({ key }) => {
      const next = thumbs[index + ({ ArrowRight: 1, ArrowLeft: -1 }[key] ?? 0)]
      if (!next || next === thumb) return
      next.focus()
      turnTo(thumbs.indexOf(next))
    })
  }
  strip.addEventListener("scroll", () => mark(shownIndex()), { passive: true })
}

// --- into the cart -----------------------------------------------------------------------------------------------------

let key = null // of what was asked for and not yet answered: sent again, it is counted once

async function buy(form) {
  if (form.getAttribute("aria-busy") === "true") return
  const problem = form.closest("[data-part]").querySelector("[data-problem]")
  problem.textContent = ""
  const wanted = { article: Number(form.dataset.buy), delta: Number.parseInt(form.elements.quantity.value, 10) }
  if (!(wanted.delta >= 1 && wanted.delta <= 999)) return (problem.textContent = t("error.quantity"))
  form.setAttribute("aria-busy", "true")
  try {
    await ensureSession()
    key ??= newClientId()
    await api.post("cart/lines", wanted, { key })
    key = null
    say(t("cart.added"))
    await refresh("cart")
  } catch (error) {
    if (typeof error.code !== "string") throw error
    if (error.status && error.status < 500) key = null
    form.closest("[data-part]").querySelector("[data-problem]").textContent = refusalToBuy(error)
  } finally {
    form.removeAttribute("aria-busy")
  }
}

function refusalToBuy({ code, problem, errors }) {
  if (code === "out_of_stock") return t("cart.only_left", { n: problem.lines[0].remains })
  if (code === "invalid" && errors.length) return t("error.quantity")
  if (code === "too_large") return t("cart.full")
  return refusalOf({ code: code === "not_found" ? "unavailable" : code })
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-buy]")) return
  event.preventDefault()
  buy(event.target)
})
