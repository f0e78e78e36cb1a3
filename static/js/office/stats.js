/** The shop in figures: a period, sales as bars and as a table, what sold best, what is nearly gone, who did what. */
import { language, t } from "../texts.js"
import { html, nothing, svg } from "../../vendor/lit-html/lit-html.js"
import { api, attempt, day, download, money, number, refusalOf, shopZone, show, wordFor } from "./common.js"
import { failed, filter, filtersOf, keepFilters, loading, queryOf, table } from "./parts.js"

const STEPS = ["day", "week", "month"]
const PERIODS = [7, 30, 90, 365]
const DAY_MS = 86_400_000
const short = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", timeZone: "UTC" })

const filters = { step: "day", sort: "revenue", ...present(filtersOf("from", "to", "step", "sort")) }
let figures = null
let problem = ""
let run = 0

function present(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value))
}

async function load() {
  const mine = ++run
  problem = ""
  draw()
  const { from, to, step, sort } = filters
  const period = queryOf({ from, to })
  try {
    const [summary, sales, top, staff] = await Promise.all([
      api.get(`stats/summary?${period}`),
      api.get(`stats/sales?${queryOf({ from, to, step })}`),
      api.get(`stats/products?${queryOf({ from, to, sort, limit: 10 })}`),
      api.get(`stats/staff?${period}`),
    ])
    if (mine !== run) return
    figures = { summary, sales: sales.items, top: top.items, staff: staff.items }
  } catch (error) {
    if (mine !== run) return
    const { text, fields } = refusalOf(error)
    problem = text || Object.values(fields).join(" ")
  }
  draw()
}

function choose(changes) {
  Object.assign(filters, changes)
  keepFilters(filters)
  load()
}

/** The last so many days as the shop counts them. */
function last(days) {
  const today = new Intl.DateTimeFormat("sv", { timeZone: shopZone }).format(new Date()) // sv writes 2026-03-07
  const since = new Date(Date.parse(today) - (days - 1) * DAY_MS).toISOString().slice(0, 10)
  choose({ from: since, to: today, step: days > 120 ? "month" : "day" })
}

function draw() {
  show(html`${picker()} ${problem ? failed(problem, load) : figures ? report(figures) : loading()}`)
}

const dateField = (name, label) =>
  html`<label class="field filter-field"
    ><span class="field__label">${label}</span>
    <input
      class="field__input"
      type="date"
      .value=${filters[name] ?? figures?.summary[name] ?? ""}
      @change=${(event) => choose({ [name]: event.target.value })}
  /></label>`

const picker = () =>
  html`<div class="bar">
    ${dateField("from", t("stats.from"))} ${dateField("to", t("stats.to"))}
    ${filter(
      t("stats.step"),
      filters.step,
      STEPS.map((step) => [step, t(`stats.step_${step}`)]),
      (step) => choose({ step }),
    )}
    <div class="actions" role="group" aria-label=${t("stats.quick")}>
      ${PERIODS.map(
        (days) =>
          html`<button class="button button--quiet button--small" type="button" @click=${() => last(days)}>
            ${t("stats.last_days", { n: days })}
          </button>`,
      )}
    </div>
  </div>`

const report = ({ summary, sales, top, staff }) =>
  html`<dl class="figures">
      ${figure(t("stats.revenue"), money(summary.revenue), "revenue")}
      ${figure(t("stats.orders"), number(summary.orders), "orders")}
      ${figure(t("stats.average"), summary.average_order ? money(summary.average_order) : "—")}
      ${figure(t("stats.quantity"), number(summary.quantity), "quantity")}
      ${figure(t("stats.cancelled"), number(summary.cancelled))}
      ${figure(t("stats.new_users"), number(summary.new_users))}
      ${figure(t("stats.comments_waiting"), number(summary.comments_waiting))}
    </dl>
    <section class="block">
      ${heading(t("stats.sales"), "sales", { step: filters.step })}
      <p class="block__note">${t("stats.zone", { zone: shopZone })}</p>
      <div class="panel">${plot(sales)}</div>
      <div class="scroll">${salesTable(sales)}</div>
    </section>
    <div class="columns">
      <section class="block">
        ${heading(t("stats.top"), "products", { sort: filters.sort })}
        ${filter(
          t("stats.sort"),
          filters.sort,
          ["revenue", "quantity"].map((sort) => [sort, t(`stats.sort_${sort}`)]),
          (sort) => choose({ sort }),
        )}
        ${top.length ? topTable(top) : html`<p class="nothing">${t("stats.top_nothing")}</p>`}
      </section>
      <section class="block">
        <h2 class="block__title">${t("stats.low")}</h2>
        ${summary.low_stock.length ? lowTable(summary.low_stock) : html`<p class="nothing">${t("stats.low_nothing")}</p>`}
      </section>
      <section class="block">
        ${heading(t("stats.activity"), "staff")}
        ${staff.length ? staffTable(staff) : html`<p class="nothing">${t("stats.activity_nothing")}</p>`}
      </section>
    </div>`

const figure = (label, value, name) =>
  html`<div class="figure" data-figure=${name ?? nothing}>
    <dt>${label}</dt>
    <dd>${value}</dd>
  </div>`

const heading = (title, name, further = {}) => {
  const { from, to } = figures.summary
  const save = () =>
    attempt(() =>
      download(`stats/${name}?${queryOf({ from, to, ...further })}`, "text/csv", `${name}-${from}-${to}.csv`),
    )
  return html`<div class="block__top">
    <h2 class="block__title">${title}</h2>
    <button class="link" type="button" @click=${save}>${t("stats.csv")}<span class="hidden">: ${title}</span></button>
  </div>`
}

const stepName = (date) => (filters.step === "month" ? monthOf(date) : day(date))
const months = new Intl.DateTimeFormat(language, { month: "long", year: "numeric", timeZone: "UTC" })
const monthOf = (date) => months.format(new Date(`${date}T00:00:00Z`))

const salesTable = (sales) =>
  table(
    sales.toReversed(),
    [
      [t("stats.day"), (item) => stepName(item.day)],
      [t("stats.orders"), (item) => number(item.orders), "number"],
      [t("stats.quantity"), (item) => number(item.quantity), "number"],
      [t("stats.cancelled"), (item) => number(item.cancelled), "number wide-only"],
      [t("stats.revenue"), (item) => money(item.revenue), "number"],
    ],
    { label: t("stats.sales") },
  )

const productLink = (item) => html`<a href="/products/${item.article}">${item.name}</a>`

const topTable = (top) =>
  table(top, [
    [t("stats.product"), productLink],
    [t("stats.quantity"), (item) => number(item.quantity), "number"],
    [t("stats.revenue"), (item) => money(item.revenue), "number"],
  ])

const lowTable = (items) =>
  table(items, [
    [t("stats.product"), productLink],
    [t("stats.remains"), (item) => number(item.remains), "number"],
  ])

const kindOf = (kind) => wordFor(`history.kind_${kind}`, kind)
const staffTable = (staff) =>
  table(
    staff,
    [
      [t("stats.who"), (item) => item.name || t("history.command_line")],
      [t("stats.deeds"), (item) => number(item.total), "number"],
      [t("stats.what"), (item) => deeds(item.kinds)],
    ],
    { label: t("stats.activity") },
  )

const deeds = (kinds) =>
  Object.entries(kinds)
    .sort(([, one], [, other]) => other - one)
    .map(([kind, times]) => `${kindOf(kind)} — ${number(times)}`)
    .join("; ")

// --- the plot: one bar for each step; the table below it says the same ----------------------------------------------

const WIDTH = innerWidth < 640 ? 340 : 1100 // so that the words in it keep about their size
const [HEIGHT, LEFT, BOTTOM] = [240, 52, 24]

/** A round number at or above the highest bar, so that the lines of the scale have round names. */
function roof(highest) {
  const power = 10 ** Math.floor(Math.log10(Math.max(highest, 1)))
  return [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((value) => value >= highest)
}

const compact = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 })

function plot(sales) {
  const top = roof(Math.max(...sales.map(({ revenue }) => revenue.amount), 100))
  const room = (WIDTH - LEFT) / sales.length
  const height = (amount) => (amount / top) * (HEIGHT - BOTTOM - 8)
  const every = Math.ceil((sales.length * 90) / WIDTH) // as many dates as have room side by side
  return html`<svg class="plot" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label=${t("stats.plot")}>
    ${[0, 0.5, 1].map((part) => {
      const y = HEIGHT - BOTTOM - height(part * top)
      return svg`<line class="plot__line" x1=${LEFT} x2=${WIDTH} y1=${y} y2=${y}></line>
        <text class="plot__label plot__label--scale" x=${LEFT - 8} y=${y + 4}>${compact.format((part * top) / 100)}</text>`
    })}
    ${sales.map(({ day: date, revenue }, at) => {
      const [x, tall] = [LEFT + at * room, height(revenue.amount)]
      return svg`<g>
        <title>${stepName(date)}: ${money(revenue)}</title>
        <rect class="plot__space" x=${x} y="0" width=${room} height=${HEIGHT - BOTTOM}></rect>
        <rect class="plot__bar" x=${x + room * 0.12} y=${HEIGHT - BOTTOM - tall} width=${room * 0.76} height=${tall}></rect>
        ${at % every ? "" : svg`<text class="plot__label" x=${x + room / 2} y=${HEIGHT - 6}>${short.format(new Date(`${date}T00:00:00Z`))}</text>`}
      </g>`
    })}
  </svg>`
}

load()
