/**
 * What the sections of the office share: the interface, who is here, words for refusals, and the password asked again.
 *   import { api, confirmed, may, notify, show } from "./common.js"
 *   show(html`<p>…</p>`)                               draws the section; `tools` stand beside its heading
 *   await confirmed(() => api.post("staff", form))     asks for the password if the server wants it once more
 */
import { Api } from "../api.js"
import { problemOf } from "../problems.js"
import { has, language, t } from "../texts.js"
import { html, render } from "../../vendor/lit-html/lit-html.js"

export const api = new Api("staff")

const place = document.querySelector("[data-section]")
const toolbar = document.querySelector("[data-tools]")
export const me = JSON.parse(place.dataset.me)
export const shopZone = place.dataset.zone
place.replaceChildren()

/** Whether the person here has a right; the owner has all of them. */
export const may = (right) => me.role === "owner" || me.rights.includes(right)

export function show(content, tools = "") {
  render(content, place)
  render(tools, toolbar)
}

document.querySelector("[data-leave]")?.addEventListener("click", async () => {
  await api.delete("session")
  location.assign("/staff")
})

// On a narrow screen the menu is longer than its line.
document.querySelector(".menu [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" })

const GOOD_NEWS_MS = 8_000
const notices = document.createElement("div")
notices.className = "notices"
notices.setAttribute("role", "status")
document.querySelector("#main").prepend(notices)

let clearing
/** Say how it went, above everything; the next word takes its place. Only what went wrong stays. */
export function notify(text, { bad = false } = {}) {
  clearTimeout(clearing)
  if (text && !bad) clearing = setTimeout(notify, GOOD_NEWS_MS, "")
  render(text ? html`<p class="notice ${bad ? "notice--bad" : ""}">${text}</p>` : "", notices)
}

/** Do something and say so if it was refused; true if it was done. What is no refusal is our own mistake, and thrown. */
export async function attempt(work) {
  try {
    await work()
    return true
  } catch (error) {
    const { text, fields } = refusalOf(error)
    notify(text || Object.values(fields).join(" "), { bad: true })
    return false
  }
}

/** A refusal in words: {text, fields}. What is no refusal is thrown; whoever is signed out goes to sign in. */
export function refusalOf(error) {
  if (typeof error.code !== "string") throw error
  if (error.code === "unauthorized" && !error.problem.reason) {
    location.assign(`/staff?next=${location.pathname.split("/")[2]}`)
  }
  const { text, fields } = problemOf(error)
  if (error.problem?.field) return { text: "", fields: { [error.problem.field]: t("error.taken") } }
  const key = [`refused.${error.problem?.reason}`, `refused.${error.code}`].find(has)
  return { text: text && key ? t(key, error.problem) : text, fields }
}

/** Keep an answer of the interface as a file. */
export async function download(path, type, name) {
  const link = document.createElement("a")
  link.href = URL.createObjectURL(await api.getFile(path, type))
  link.download = name
  link.click()
  URL.revokeObjectURL(link.href)
}

/** Do something; if the server asks for the password once more, ask the person, and do it then. Null if they will not. */
export async function confirmed(work) {
  try {
    return await work()
  } catch (error) {
    if (error.problem?.reason !== "password_needed") throw error
  }
  return (await askPassword()) ? work() : null
}

function askPassword() {
  const dialog = document.createElement("dialog")
  dialog.className = "dialog"
  document.body.append(dialog)
  return new Promise((resolve) => {
    let problem = ""
    const submit = async (event) => {
      event.preventDefault()
      try {
        await api.post("session/confirmation", { password: event.target.elements.password.value })
        dialog.close("yes")
      } catch (error) {
        problem = problemOf(error).fields.password ?? problemOf(error).text // here "unauthorized" is a wrong password
        draw()
      }
    }
    const draw = () =>
      render(
        html`<form class="form" @submit=${submit}>
          <h2 class="form__title">${t("office.password_title")}</h2>
          <p class="form__lead">${t("office.password_text")}</p>
          <p class="form__error" role="alert" ?hidden=${!problem}>${problem}</p>
          <label class="field"
            ><span class="field__label">${t("account.password")}</span>
            <input class="field__input" name="password" type="password" autocomplete="current-password" required
          /></label>
          <div class="actions">
            <button class="button" type="submit">${t("office.confirm")}</button>
            <button class="button button--quiet" type="button" @click=${() => dialog.close()}>
              ${t("office.cancel")}
            </button>
          </div>
        </form>`,
        dialog,
      )
    draw()
    dialog.addEventListener("close", () => {
      dialog.remove()
      resolve(dialog.returnValue === "yes")
    })
    dialog.showModal()
  })
}

const numbers = new Intl.NumberFormat(language)
const moneys = new Map()

export const number = (value) => numbers.format(value)

/** Minor units for people: {amount: 129990, currency: "RUB"} is «1 299,90 ₽»; whole sums have no kopecks. */
export function money({ amount, currency }) {
  const digits = amount % 100 ? 2 : 0
  const key = `${currency}${digits}`
  if (!moneys.has(key)) {
    const fraction = { minimumFractionDigits: digits, maximumFractionDigits: digits }
    const options = { style: "currency", currency, currencyDisplay: "narrowSymbol", ...fraction }
    moneys.set(key, new Intl.NumberFormat(language, options))
  }
  return moneys.get(key).format(amount / 100)
}

/** What a person typed as a price in minor units: "1 299,90" is 129990; null if it is no price. */
export function minorOf(text) {
  const match = text.replace(/[\s\u00a0\u202f₽]/g, "").match(/^(\d{1,10})(?:[.,](\d{1,2}))?$/)
  return match ? Number(match[1]) * 100 + Number((match[2] ?? "").padEnd(2, "0")) : null
}

const moments = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" })
const days = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeZone: "UTC" })

export const moment = (time) => moments.format(new Date(time))
export const day = (date) => days.format(new Date(`${date}T00:00:00Z`))

/** The word for a code that comes from the server; what has none yet is shown as it is. */
export const wordFor = (key, code) => (has(key) ? t(key) : code.replaceAll("_", " "))
