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

const canAct = may("customers.block") || may("orders")

const rows = (items) =>
  table(
    items,
    [
      [t("customers.number"), ({ id }) => id, "number wide-only"],
      [t("customers.customer"), who, "table__name"],
      [t("customers.since"), ({ creation_time }) => moment(creation_time), "wide-only"],
      [t("customers.state"), state, "wide-only"],
      ...(canAct ? [[t("office.actions"), actions]] : []),
    ],
    canAct ? {} : { label: t("section.customers") },
  )

const who = (customer) => {
  const { name, lastname, username, email } = customer
  return html`<strong>${[name, lastname].filter(Boolean).join(" ") || username || t("customers.gone")}</strong>
    ${username ? html`<span class="soft">${username}<span class="wide-only"> · ${email}</span></span>` : nothing}
    <span class="narrow-only">${state(customer)}</span>`
}

function state({ is_active, blocked_time }) {
  if (!is_active) return badge(t("customers.state_gone"))
  return blocked_time
    ? html`${badge(t("customers.state_blocked"), "bad")} <span class="soft wide-only">${moment(blocked_time)}</span>`
    : badge(t("customers.state_free"), "good")
}

const actions = (customer) => {
  const name = html`<span class="hidden"> ${customer.username ?? customer.id}</span>`
  const button = (words, work) =>
    html`<button class="button button--quiet button--small" type="button" @click=${work}>${words}${name}</button>`
  return html`<div class="actions">
    ${
      may("customers.block") && customer.is_active
        ? customer.blocked_time
          ? button(t("customers.unblock"), () => unblock(customer))
          : button(t("customers.block"), () => block(customer))
        : nothing
    }
    ${
      may("orders")
        ? html`<a class="button button--quiet button--small" href="/staff/orders?user=${customer.id}"
            >${t("customers.orders")}${name}</a
          >`
        : nothing
    }
  </div>`
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
