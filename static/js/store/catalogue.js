/** The catalogue and what was found: filters without a reload, with the same addresses as without a script. */
import { load, place, say } from "../parts.js"
import { refusalOf } from "../problems.js"

const finder = () => document.querySelector("[data-finder]")
let latest = 0

/** Show the list behind an address. An answer that comes after a later choice is dropped. */
async function show(address, { push = true } = {}) {
  const asked = ++latest
  finder().setAttribute("aria-busy", "true")
  try {
    const page = await load(address)
    if (asked !== latest) return
    if (push) history.pushState(null, "", address)
    document.title = page.title
    place(page, "catalogue")
    say(document.querySelector("[data-count]").textContent)
  } catch (error) {
    if (typeof error.code !== "string") throw error
    finder().removeAttribute("aria-busy")
    say(refusalOf(error))
  }
}

/** What the form asks for, without what is empty. */
function addressOf(form) {
  const filled = [...new FormData(form)].filter(([name, value]) => value !== "" && !(name === "sort" && isUsual(form)))
  const query = new URLSearchParams(filled).toString()
  return query ? `${form.action}?${query}` : form.action
}

const isUsual = (form) => form.elements.sort.selectedIndex === 0

async function showMore(link) {
  const more = link.closest("[data-more]")
  more.setAttribute("aria-busy", "true")
  try {
    const page = await load(link.href)
    const cards = [...page.querySelectorAll("[data-products] > *")].map((card) => document.adoptNode(card))
    const list = document.querySelector("[data-products]")
    list.append(...cards)
    list.dispatchEvent(new CustomEvent("part-placed", { bubbles: true }))
    const following = page.querySelector("[data-more]")
    following ? more.replaceWith(document.adoptNode(following)) : more.remove()
    document.querySelector("[data-part=catalogue]").removeAttribute("data-follows") // anew it would be its first page
    cards[0]?.querySelector("a").focus({ preventScroll: true })
  } catch (error) {
    if (typeof error.code !== "string") throw error
    more.removeAttribute("aria-busy")
    say(refusalOf(error))
  }
}

document.addEventListener("change", ({ target }) => {
  const form = target.closest("[data-finder]")
  if (form) show(addressOf(form))
})
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-finder]")) return
  event.preventDefault()
  show(addressOf(event.target))
})
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-more] a, a.chip")
  if (!link || !link.closest("[data-finder]") || event.ctrlKey || event.metaKey || event.shiftKey) return
  event.preventDefault()
  link.rel === "next" ? showMore(link) : show(link.href)
})
addEventListener("popstate", () => show(location.href, { push: false }))
