/** The products: a table to find them in, and behind the address's #article the form for one of them (#new for another). */
import { t } from "../texts.js"
import { html, nothing } from "../../vendor/lit-html/lit-html.js"
import { api, attempt, money, number, show } from "./common.js"
import { badge, filter, filtersOf, keepFilters, Pages, queryOf, search, table } from "./parts.js"
import { categoryOptions } from "./product-fields.js"
import { MOODS, ProductForm } from "./product-form.js"

const STATUSES = ["draft", "review", "published", "archived"]
const SORTS = ["-created", "name", "price", "-price", "-sold", "-rating"]

const filters = filtersOf("q", "status", "category", "in_stock", "sort")
let groups = []
let form = null
let opened = null // the article whose form was open: its row gets the focus back

const pages = new Pages((cursor) => {
  const { status, ...others } = filters
  return api.get(`products?${queryOf({ ...others, status: status || STATUSES.slice(0, 3), cursor })}`)
}, draw)

function choose(changes) {
  Object.assign(filters, changes)
  keepFilters(filters)
  pages.start()
}

/** What the address names: the list, or the form of a product. */
async function follow() {
  const name = location.hash.slice(1)
  form = name ? new ProductForm(name === "new" ? null : Number(name), { groups, draw, done }) : null
  if (form) {
    opened = name
    show("") // what was typed for another product must not stay in the fields
    return form.load()
  }
  await pages.start()
  document.querySelector(`[href="#${opened}"]`)?.focus()
}

function done() {
  location.hash = ""
}

function draw() {
  if (form) return show(form.view())
  show(
    html`${bar()} ${pages.view(rows, t("goods.nothing"))}`,
    html`<a class="button" href="#new">${t("goods.add")}</a>`,
  )
}

const bar = () =>
  html`<div class="bar">
    ${search(t("goods.find"), filters.q, (q) => choose({ q }))}
    ${filter(
      t("goods.status"),
      filters.status,
      [["", t("goods.status_any")], ...STATUSES.map((status) => [status, t(`goods.status_${status}`)])],
      (status) => choose({ status }),
    )}
    <label class="field filter-field"
      ><span class="field__label">${t("goods.category")}</span>
      <select class="field__input" @change=${({ target }) => choose({ category: target.value })}>
        <option value="">${t("goods.category_any")}</option>
        ${categoryOptions(groups, filters.category)}
      </select></label
    >
    ${filter(
      t("goods.stock"),
      filters.in_stock,
      [
        ["", t("goods.stock_any")],
        ["true", t("goods.stock_some")],
        ["false", t("goods.stock_none")],
      ],
      (in_stock) => choose({ in_stock }),
    )}
    ${filter(
      t("goods.sort"),
      filters.sort,
      [["", t("goods.sort_usual")], ...SORTS.map((sort) => [sort, t(`goods.sort_${sort.replace("-", "most_")}`)])],
      (sort) => choose({ sort }),
    )}
  </div>`

const rows = (items) =>
  table(items, [
    [html`<span class="hidden">${t("goods.picture")}</span>`, thumbnail, "table__picture"],
    [t("goods.name"), name, "table__name"],
    [t("goods.price"), price, "number"],
    [
      t("goods.stock"),
      ({ remains }) => (remains ? number(remains) : badge(t("goods.stock_none"), "bad")),
      "number wide-only",
    ],
    [t("goods.status"), state, "wide-only"],
  ])

const thumbnail = ({ thumbnails: [first] }) =>
  first
    ? html`<img class="thumbnail" src=${first} alt="" width="48" height="48" loading="lazy" />`
    : html`<span class="thumbnail"></span>`

const name = ({ article, name, category, status }) =>
  html`<a href="#${article}"><strong>${name}</strong></a>
    <span class="soft">${article} · ${category.name}</span>
    <span class="narrow-only">${state({ status })}</span>`

const state = ({ status }) => badge(t(`goods.status_${status}`), MOODS[status])

const price = ({ price, old_price }) =>
  html`${money(price)}${old_price ? html`<br /><del class="soft"><span class="hidden">${t("goods.old_price")} </span>${money(old_price)}</del>` : nothing}`

addEventListener("hashchange", follow)
attempt(async () => {
  groups = (await api.get("groups")).items
}).then(follow)
