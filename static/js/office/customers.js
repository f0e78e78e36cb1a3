/** Customers: found by the beginning of a name or an e-mail, or by number; blocked and let in again by right. */
import { t } from "../texts.js"
import { html, nothing } from "../../vendor/lit-html/lit-html.js"
import { api, attempt, may, moment, notify, show } from "./common.js"
import { ask, badge, filter, filtersOf, keepFilters, Pages, queryOf, search, table } from "./parts.js"

const filters = filtersOf("q", "blocked")
const pages = new Pages((before) => api.get(`users?${queryOf({ ...filters, before })}`), draw)

function choose(changes) {
  Object.assign(filters, changes)
  keepFilters(filters)
  pages.start()
}

function draw() {
  show(
    html`<div class="bar">
        ${search(t("customers.find"), filters.q, (q) => choose({ q }))}
        ${filter(
          t("customers.which"),
          filters.blocked,
          [
            ["", t("customers.all")],
            ["true", t("customers.blocked")],
            ["false", t("customers.free")],
          ],
          (blocked) => choose({ blocked }),
        )}
      </div>
      ${pages.view(rows, t("customers.nothing"))}`,
  )
}

const rows = (items) =>
  table(
    items,
    [
      [t("customers.number"), ({ id }) => id, "number wide-only"],
      [t("customers.customer"), who],
      [t("customers.since"), ({ creation_time }) => moment(creation_time), "wide-only"],
      [t("customers.state"), state],
      ...(may("customers.block") ? [[t("office.actions"), button]] : []),
    ],
    may("customers.block") ? {} : { label: t("section.customers") },
  )

const who = ({ name, lastname, username, email }) =>
  html`<strong>${[name, lastname].filter(Boolean).join(" ") || username || t("customers.gone")}</strong>
    ${username ? html`<br /><span class="soft">${username}<span class="wide-only"> · ${email}</span></span>` : nothing}`

function state({ is_active, blocked_time }) {
  if (!is_active) return badge(t("customers.state_gone"))
  return blocked_time
    ? html`${badge(t("customers.state_blocked"), "bad")} <span class="soft wide-only">${moment(blocked_time)}</span>`
    : badge(t("customers.state_free"), "good")
}

const button = (customer) => {
  if (!customer.is_active) return nothing
  const name = html`<span class="hidden"> ${customer.username}</span>`
  return customer.blocked_time
    ? html`<button class="button button--quiet button--small" type="button" @click=${() => unblock(customer)}>
        ${t("customers.unblock")}${name}
      </button>`
    : html`<button class="button button--quiet button--small" type="button" @click=${() => block(customer)}>
        ${t("customers.block")}${name}
      </button>`
}

async function block(customer) {
  const now = await ask({
    title: t("customers.block_title", { name: customer.username }),
    lead: t("customers.block_lead"),
    submit: t("customers.block"),
    work: () => api.patch(`users/${customer.id}`, { blocked: true }),
  })
  if (now) changed(customer, now, t("customers.done_block", { name: customer.username }))
}

const unblock = (customer) =>
  attempt(async () => {
    const now = await api.patch(`users/${customer.id}`, { blocked: false })
    changed(customer, now, t("customers.done_unblock", { name: customer.username }))
  })

function changed(customer, now, words) {
  pages.replace(customer, now)
  notify(words)
}

pages.start()
