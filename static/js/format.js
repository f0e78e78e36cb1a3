/** Times and names as people read them. */
import { language, t } from "./texts.js"

const clockFormat = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" })
const dayFormat = new Intl.DateTimeFormat(language, { day: "numeric", month: "long" })
const yearFormat = new Intl.DateTimeFormat(language, { day: "numeric", month: "long", year: "numeric" })
const shortFormat = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" })
const SIGNS = { RUB: "₽" }
const DAY_MS = 86_400_000

const midnight = (time) => new Date(time).setHours(0, 0, 0, 0)

export const clock = (time) => clockFormat.format(time)

/** «Сегодня», «Вчера», «7 марта», «7 марта 2025 г.» */
export function day(time, now = Date.now()) {
  const days = Math.round((midnight(now) - midnight(time)) / DAY_MS)
  if (days === 0) return t("time.today")
  if (days === 1) return t("time.yesterday")
  const sameYear = new Date(time).getFullYear() === new Date(now).getFullYear()
  return (sameYear ? dayFormat : yearFormat).format(time)
}

/** A moment in a list: the clock today, the day before that. */
export const moment = (time, now = Date.now()) =>
  midnight(now) === midnight(time) ? clock(time) : shortFormat.format(time)

export const fullMoment = (time) => `${day(time)}, ${clock(time)}`

/** An amount in minor units, as the pages write it: «3 599,90 ₽», and whole roubles without the kopecks. */
export function money({ amount, currency }) {
  const minimumFractionDigits = amount % 100 ? 2 : 0
  const number = new Intl.NumberFormat(language, { minimumFractionDigits }).format(amount / 100)
  return `${number.replaceAll("\u00a0", "\u202f")}\u00a0${SIGNS[currency] ?? currency}`
}

/** How long something lasts: «меньше минуты», «4 мин», «2 ч», «3 дня». */
export function duration(ms) {
  const minutes = Math.floor(Math.max(0, ms) / 60_000)
  if (minutes < 1) return t("time.moment")
  if (minutes < 60) return t("time.minutes", { n: minutes })
  const hours = Math.floor(minutes / 60)
  return hours < 24 ? t("time.hours", { n: hours }) : t("time.days", { n: Math.floor(hours / 24) })
}

/** A person's name, or what stands in for it while a guest has none. */
export function nameOf(person) {
  if (!person) return ""
  if (person.name) return person.name
  if (person.kind === "staff") return t("chat.staff")
  return person.id ? t("chat.guest_number", { id: person.id }) : t("chat.guest")
}
