/** Reviews of a product: writing one's own, finding others useful, another order, more of them. */
import { sending, showProblem } from "../forms.js"
import { newClientId } from "../outbox.js"
import { load, place, refresh, say } from "../parts.js"
import { refusalOf } from "../problems.js"
import { api } from "../shop.js"
import { t } from "../texts.js"

const MOST_PHOTOS = 5

const section = () => document.querySelector("[data-reviews]")

/** Ids of new photos, and addresses of those that the review has already. */
const photosOf = (form) => [...form.querySelectorAll("[data-photo]")].map(({ dataset }) => dataset.photo)

async function send(form) {
  const own = form.closest("[data-own]")
  const rating = Number(form.elements.rating.value)
  const review = { rating, text: form.elements.text.value.trim(), photos: photosOf(form) }
  const sent = await sending(form, async () => {
    if (own) await api.patch(`comments/${own.dataset.own}`, review, { match: `"${own.dataset.version}"` })
    else await api.post(`products/${section().dataset.reviews}/comments`, review, { key: newClientId() })
    return true
  })
  if (!sent) return
  say(t("review.sent"))
  await showAnew()
}

/** A form that was sent is not to stand open again. */
async function showAnew() {
  document.querySelector("#write")?.removeAttribute("open")
  document.querySelector("#unwrite")?.removeAttribute("open")
  await refresh("reviews")
}

async function addPhotos(input) {
  const form = input.form
  const files = [...input.files].slice(0, MOST_PHOTOS - photosOf(form).length)
  input.value = ""
  try {
    for (const file of files) {
      const { id, thumbnail } = await api.upload("uploads", file, { key: newClientId() })
      form.querySelector("[data-photos]").append(photo(id, thumbnail))
    }
  } catch (error) {
    if (typeof error.code !== "string") throw error
    const code = error.errors[0]?.code ?? error.code
    showProblem(form, { ...error, code, errors: [{ pointer: "/photos", code, detail: error.message }] })
  }
}

function photo(id, thumbnail) {
  const item = document.createElement("li")
  item.className = "thumbs__one"
  item.dataset.photo = id
  const image = Object.assign(document.createElement("img"), { src: thumbnail, width: 64, height: 64 })
  image.alt = t("review.photo_new")
  const off = Object.assign(document.createElement("button"), { type: "button", className: "thumbs__off" })
  off.textContent = "×"
  off.setAttribute("aria-label", t("review.photo_off"))
  item.append(image, off)
  return item
}

async function vote(button) {
  const { useful: id } = button.dataset
  const found = button.getAttribute("aria-pressed") === "true"
  try {
    await (found ? api.delete(`comments/${id}/useful`) : api.post(`comments/${id}/useful`))
    place(await load(listAddress ?? location.href), `review-${id}`)
  } catch (error) {
    if (typeof error.code !== "string") throw error
    say(error.code === "unauthorized" ? t("review.enter_to_vote") : refusalOf(error))
  }
}

async function remove(button) {
  const { own, version } = button.closest("[data-own]").dataset
  try {
    await api.delete(`comments/${own}`, { match: `"${version}"` })
    say(t("review.deleted"))
  } catch (error) {
    if (typeof error.code !== "string") throw error
    say(refusalOf(error))
  }
  await showAnew()
}

// --- the list ----------------------------------------------------------------------------------------------------------

let listAddress = null // of the page of reviews that was shown last

async function follow(link) {
  try {
    const page = await load(link.href)
    listAddress = link.href
    if (link.rel !== "next") return place(page, "review-list")
    const items = [...page.querySelectorAll("[data-items] > *")].map((item) => document.adoptNode(item))
    section().querySelector("[data-items]").append(...items)
    const [more, following] = [link.closest("[data-more]"), page.querySelector("[data-more]")]
    following ? more.replaceWith(document.adoptNode(following)) : more.remove()
    items[0]?.querySelector("button, a")?.focus({ preventScroll: true })
  } catch (error) {
    if (typeof error.code !== "string") throw error
    say(refusalOf(error))
  }
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-review-form]")) return
  event.preventDefault()
  send(event.target)
})
document.addEventListener("change", ({ target }) => {
  if (target.id === "review-photos") addPhotos(target)
})
document.addEventListener("click", (event) => {
  const { target } = event
  const useful = target.closest("[data-useful]")
  const link = target.closest("[data-reviews] [data-sort], [data-reviews] [rel=next]")
  if (useful) vote(useful)
  else if (target.matches(".thumbs__off")) target.closest("[data-photo]").remove()
  else if (target.matches("[data-delete-review]")) remove(target)
  else if (link) {
    event.preventDefault()
    follow(link)
  }
})
