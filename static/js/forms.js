/**
 * Forms that the server drew: each field stands in [data-field="<its pointer>"] with a [data-problem] for what is wrong
 * with it; [data-error] is for what is wrong with the whole.
 *   await sending(form, () => api.post("orders", order))
 */
import { ApiError } from "./api.js"
import { refusalOf, wordsFor } from "./problems.js"

/**
 * Do what a form asks for, once at a time. A refusal is shown in it, and the keyboard goes where something is to be
 * mended; then the answer is undefined.
 * @param {Record<string, string>} aliases fields that stand for a whole: {"delivery": "delivery/address"}
 */
export async function sending(form, work, aliases = {}) {
  if (form.getAttribute("aria-busy") === "true") return undefined
  clearProblems(form)
  form.setAttribute("aria-busy", "true")
  try {
    refuseEmpty(form)
    return await work()
  } catch (error) {
    if (typeof error.code !== "string") throw error
    showProblem(form, error, aliases)
    return undefined
  } finally {
    form.removeAttribute("aria-busy")
  }
}

/** The filled fields by name. */
export const valuesOf = (form) => Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""))

function refuseEmpty(form) {
  const valueOf = ({ name, type, value }) => (type === "radio" ? form.elements[name].value : value.trim())
  const shown = [...form.querySelectorAll("[required]")].filter((field) => field.checkVisibility())
  const empty = shown.filter((field) => !valueOf(field))
  const errors = empty.map(({ name }) => ({ pointer: `/${name}`, code: "missing", detail: "" }))
  if (errors.length) throw new ApiError(422, { code: "invalid", errors })
}

export function clearProblems(form) {
  for (const place of form.querySelectorAll("[data-problem]")) place.textContent = ""
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid")
  showError(form, "")
}

export function showError(form, text) {
  const place = form.querySelector("[data-error]")
  if (!place) return
  place.hidden = !text
  place.textContent = text
}

export function showProblem(form, error, aliases = {}) {
  const wrong = error.errors.map((one) => ({ ...one, field: fieldOf(form, one.pointer.slice(1), aliases) }))
  for (const { field, ...one } of wrong.filter(({ field }) => field)) {
    const place = field.querySelector("[data-problem]")
    place.textContent ||= wordsFor(field.dataset.field.split("/").at(-1), one)
    field.querySelector("input, textarea, select").setAttribute("aria-invalid", "true")
  }
  if (!wrong.some(({ field }) => field)) showError(form, refusalOf(error))
  const first = form.querySelector('[aria-invalid="true"]') ?? form.querySelector("[type=submit]")
  first?.focus()
}

/** The field of a pointer, or the one that it is a part of: photos/2 is photos. */
function fieldOf(form, path, aliases) {
  for (let name = aliases[path] ?? path; name; name = name.slice(0, Math.max(0, name.lastIndexOf("/")))) {
    const field = form.querySelector(`[data-field="${CSS.escape(name)}"]`)
    if (field?.querySelector("[data-problem]")) return field
  }
  return null
}
