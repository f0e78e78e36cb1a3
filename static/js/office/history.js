/** The work history: who did what when, with what changed. The owner sees everybody's deeds, the others their own. */
import { t } from "../texts.js"
import { html, nothing } from "../../vendor/lit-html/lit-html.js"
import { api, attempt, me, moment, money, number, show, wordFor } from "./common.js"
import { filter, filtersOf, keepFilters, Pages, queryOf } from "./parts.js"

const OBJECTS = [
  "product", "group", "category", "promotion", "announcement", "comment", "order", "import", "export", "user", "staff",
] // prettier-ignore

const filters = filtersOf("staff", "object_kind", "object_id", "since", "until")
let colleagues = []

const pages = new Pages((before) => {
  const { since, until, ...others } = filters
  return api.get(`history?${queryOf({ ...others, since: startOf(since), until: startOf(until, 1), before })}`)
}, draw)

/** The first moment of a day where the reader is, so many days later. */
function startOf(date, later = 0) {
  if (!date) return ""
  const [year, month, number] = date.split("-").map(Number)
  return new Date(year, month - 1, number + later).toISOString()
}

function choose(changes) {
  Object.assign(filters, changes)
  keepFilters(filters)
  pages.start()
}

function draw() {
  show(html`${bar()} ${pages.view(deeds, t("history.nothing"))}`)
}

const bar = () =>
  html`<div class="bar">
    ${
      me.role === "owner"
        ? filter(
            t("history.who"),
            filters.staff,
            [["", t("history.everybody")], ...colleagues.map(({ id, name }) => [String(id), name])],
            (staff) => choose({ staff }),
          )
        : nothing
    }
    ${filter(
      t("history.object"),
      filters.object_kind,
      [["", t("history.any")], ...OBJECTS.map((kind) => [kind, t(`history.object_${kind}`)])],
      (object_kind) => choose({ object_kind }),
    )}
    <label class="field filter-field"
      ><span class="field__label">${t("history.number")}</span>
      <input
        class="field__input"
        type="number"
        min="1"
        value=${filters.object_id}
        @change=${({ target }) => choose({ object_id: target.validity.valid ? target.value : "" })}
    /></label>
    ${dateField("since", t("history.since"))} ${dateField("until", t("history.until"))}
  </div>`

const dateField = (name, label) =>
  html`<label class="field filter-field"
    ><span class="field__label">${label}</span>
    <input
      class="field__input"
      type="date"
      value=${filters[name]}
      @change=${({ target }) => choose({ [name]: target.value })}
  /></label>`

const kindOf = (kind) => wordFor(`history.kind_${kind}`, kind)
const fieldOf = (field) => wordFor(`history.field_${field}`, field)
const rightOf = (right) => wordFor(`right.${right}`, right)

const deeds = (items) =>
  html`<ol class="deeds">
    ${items.map(deed)}
  </ol>`

const deed = (item) =>
  html`<li class="panel deed" data-row tabindex="-1">
    <p class="deed__top">
      <strong>${kindOf(item.kind)}</strong>
      <span>${t(`history.object_${item.object_kind}`)} ${item.object_id === null ? "" : objectName(item)}</span>
    </p>
    <p class="deed__who">
      ${item.staff_name ?? t("history.command_line")} ·
      <time datetime=${item.creation_time}>${moment(item.creation_time)}</time>
    </p>
    ${changes(item)}
  </li>`

const objectName = ({ object_kind, object_id }) =>
  object_kind === "product" ? html`<a href="/products/${object_id}">${object_id}</a>` : object_id

function changes({ object_kind: kind, before, after }) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])]
  if (!names.length) return nothing
  return html`<dl class="changes">
    ${names.map(
      (name) =>
        html`<div class="changes__row">
          <dt>${fieldOf(name)}</dt>
          <dd>
            ${
              before && name in before
                ? html`<del><span class="hidden">${t("history.before")} </span>${words(name, before[name], kind)}</del>`
                : nothing
            }
            ${
              after && name in after
                ? html`<ins><span class="hidden">${t("history.after")} </span>${words(name, after[name], kind)}</ins>`
                : nothing
            }
          </dd>
        </div>`,
    )}
  </dl>`
}

// Where the words for a status are, by what has it.
const STATES = { order: "sale.is_", product: "goods.status_", comment: "moderation.status_" }

/** A kept value for people: sums as money, rights and states by name, lists with commas. */
function words(name, value, kind) {
  if (value === null || value === "") return "—"
  if (typeof value === "boolean") return t(value ? "history.yes" : "history.no")
  if (name === "status" && kind in STATES) return wordFor(STATES[kind] + value, value)
  if (name === "payment_status") return wordFor(`sale.payment_${value}`, value)
  if (name === "role") return wordFor(`people.role_${value}`, value)
  if (name === "allows") return value.map(rightOf).join(", ") || "—"
  if (name === "discount_bp") return `${number(value / 100)} %`
  if (name.endsWith("_minor") || name === "price") return money({ amount: value.amount ?? value, currency: "RUB" })
  if (Array.isArray(value)) return value.join(", ") || "—"
  if (typeof value === "object")
    return Object.entries(value)
      .map(([key, one]) => `${fieldOf(key)}: ${words(key, one, kind)}`)
      .join("; ")
  if (typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value)) return moment(value)
  if (typeof value === "number") return number(value)
  return value
}

if (me.role === "owner") {
  attempt(async () => {
    colleagues = (await api.get("staff?everybody=true")).items
    draw()
  })
}
pages.start()
