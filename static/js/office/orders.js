/** The orders: a board of those under way, lists of the others, and behind #id all about one of them. */
import { newClientId } from "../outbox.js"
import { t } from "../texts.js"
import { html, nothing } from "../../vendor/lit-html/lit-html.js"
import { api, attempt, moment, money, notify, number, refusalOf, show } from "./common.js"
import { ask, badge, failed, filter, filtersOf, keepFilters, loading, Pages, queryOf, search, table } from "./parts.js"

const BOARD = ["placed", "packed", "shipped", "delivered"]
const STATUSES = [...BOARD, "cancelled", "returned"]
const ENDS = ["cancelled", "returned"] // these ask for a reason
const PAYMENTS = ["unpaid", "paid", "refunded"]
const MOODS = { unpaid: "warn", paid: "good", refunded: "", cancelled: "bad", returned: "bad", delivered: "good" }

const filters = filtersOf("q", "status", "payment_status", "user")
const lists = new Map(STATUSES.map((status) => [status, listOf(status)]))
let order = null // the one that is open
let problem = ""

function listOf(status) {
  const load = (cursor) => {
    const { q, payment_status, user } = filters
    return api.get(`orders?${queryOf({ q, payment_status, user, status, cursor })}`)
  }
  return new Pages(load, draw)
}

const shownLists = () => (filters.status ? [filters.status] : BOARD)

function choose(changes) {
  Object.assign(filters, changes)
  keepFilters(filters)
  refresh()
}

const refresh = () => Promise.all(shownLists().map((status) => lists.get(status).start()))

async function follow() {
  const id = Number(location.hash.slice(1))
  const before = order?.id
  ;[order, problem] = [null, ""]
  if (!id) {
    await refresh()
    return document.querySelector(`[href="#${before}"]`)?.focus()
  }
  await open(id)
}

async function open(id) {
  draw()
  try {
    order = await api.get(`orders/${id}`)
  } catch (error) {
    problem = refusalOf(error).text
  }
  draw()
  document.querySelector("[data-order-title]")?.focus({ preventScroll: true })
  scrollTo(0, 0)
}

function draw() {
  show(location.hash.length > 1 ? details() : html`${bar()} ${board()}`)
}

// --- the board ---------------------------------------------------------------------------------------------------------

const bar = () =>
  html`<div class="bar">
    ${search(t("sale.find"), filters.q, (q) => choose({ q }))}
    ${filter(
      t("sale.status"),
      filters.status,
      [["", t("sale.board")], ...STATUSES.map((status) => [status, t(`sale.status_${status}`)])],
      (status) => choose({ status }),
    )}
    ${filter(
      t("sale.payment"),
      filters.payment_status,
      [["", t("sale.payment_any")], ...PAYMENTS.map((status) => [status, t(`sale.payment_${status}`)])],
      (payment_status) => choose({ payment_status }),
    )}
    ${
      filters.user
        ? html`<button class="button button--quiet button--small" type="button" @click=${() => choose({ user: "" })}>
            ${t("sale.of_customer", { id: filters.user })} ×
          </button>`
        : nothing
    }
  </div>`

const board = () =>
  html`<div class="board ${filters.status ? "board--one" : ""}">
    ${shownLists().map(
      (status) =>
        html`<section class="board__list" aria-label=${t(`sale.status_${status}`)}>
          <h2 class="board__title">${t(`sale.status_${status}`)}</h2>
          ${lists.get(status).view(
            (items) =>
              html`<ul class="cards">
                ${items.map(card)}
              </ul>`,
            t("sale.nothing"),
          )}
        </section>`,
    )}
  </div>`

const card = (item) =>
  html`<li class="panel card-order" data-row tabindex="-1">
    <p class="block__top">
      <a href="#${item.id}"><strong>${item.number}</strong></a> <strong>${money(item.total)}</strong>
    </p>
    <p>${item.contact.name}</p>
    <p class="soft"><time datetime=${item.creation_time}>${moment(item.creation_time)}</time></p>
    <p>
      ${badge(t(`sale.payment_${item.payment.status}`), MOODS[item.payment.status])}
      <span class="soft">${t("sale.pieces", { n: item.lines.reduce((sum, { quantity }) => sum + quantity, 0) })}</span>
    </p>
    ${moves(
      item,
      item.moves.filter((status) => !ENDS.includes(status)),
    )}
  </li>`

const moves = (item, statuses) =>
  statuses.length
    ? html`<div class="actions">
        ${statuses.map(
          (status) =>
            html`<button
              class="button button--small ${ENDS.includes(status) ? "button--quiet" : ""}"
              type="button"
              @click=${() => (ENDS.includes(status) ? end(item, status) : move(item, status))}
            >
              ${t(`sale.move_${status}`)}<span class="hidden"> ${item.number}</span>
            </button>`,
        )}
      </div>`
    : nothing

// --- what becomes of an order ------------------------------------------------------------------------------------------

/** Do something with an order. Where it was changed meanwhile, show how it stands now. */
async function change(item, work, words) {
  try {
    became(item, await work())
    notify(words)
  } catch (error) {
    const { text } = refusalOf(error)
    if (!["stale", "conflict"].includes(error.code)) return notify(text, { bad: true })
    const now = await api.get(`orders/${item.id}`)
    became(item, now)
    notify(
      t("sale.faster", {
        number: now.number,
        status: t(`sale.is_${now.status}`),
        payment: t(`sale.payment_${now.payment.status}`),
      }),
      { bad: true },
    )
  }
}

/** It goes from one list to the other; in its own page it is shown anew. */
function became(item, now) {
  if (order) {
    order = now
    draw()
    return document.querySelector("[data-order-title]").focus({ preventScroll: true })
  }
  const [from, to] = [lists.get(item.status), lists.get(now.status)]
  if (from === to) return from.replace(item, now)
  from.replace(item, null)
  if (to.items) to.items = [now, ...to.items]
  draw()
  ;(document.querySelector(`[href="#${item.id}"]`) ?? document.querySelector("#main")).focus()
}

const move = (item, status) =>
  attempt(() =>
    change(
      item,
      () => api.patch(`orders/${item.id}`, { status }, { match: `"${item.version}"` }),
      t("sale.done_move", { number: item.number, status: t(`sale.is_${status}`) }),
    ),
  )

async function end(item, status) {
  const given = await ask({
    title: t(`sale.end_${status}`, { number: item.number }),
    lead: t("sale.end_lead"),
    submit: t(`sale.move_${status}`),
    fields: (form) => form.field("reason", t("sale.reason"), { required: true, maxlength: 200 }),
    work: ({ reason }) => ({ reason: reason.value }),
  })
  if (!given) return
  const words = t("sale.done_move", { number: item.number, status: t(`sale.is_${status}`) })
  const form = { status, reason: given.reason }
  await attempt(() => change(item, () => api.patch(`orders/${item.id}`, form, { match: `"${item.version}"` }), words))
}

const pay = (item, status) => {
  const key = newClientId()
  return attempt(() =>
    change(
      item,
      () => api.post(`orders/${item.id}/payment`, { status }, { key }),
      t(`sale.done_${status}`, { number: item.number }),
    ),
  )
}

// --- one order ---------------------------------------------------------------------------------------------------------

function details() {
  const back = html`<p class="back"><a href="#">${t("sale.back")}</a></p>`
  if (problem) return html`${back} ${failed(problem, follow)}`
  if (!order) return html`${back} ${loading()}`
  const { contact, delivery, payment } = order
  const next = { unpaid: "paid", paid: "refunded" }[payment.status]
  return html`${back}
    <div class="block__top">
      <h2 class="block__title" data-order-title tabindex="-1">${t("sale.order", { number: order.number })}</h2>
      <p>
        ${badge(t(`sale.is_${order.status}`), MOODS[order.status])}
        ${badge(t(`sale.payment_${payment.status}`), MOODS[payment.status])}
      </p>
    </div>
    <div class="columns order">
      <section class="block">
        ${lines()}
        ${
          order.cancel_reason
            ? html`<p class="notice notice--bad">
                ${t("sale.ended", { reason: order.cancel_reason === "hold_ended" ? t("sale.hold_ended") : order.cancel_reason })}
              </p>`
            : nothing
        }
        ${order.moves.length ? moves(order, order.moves) : html`<p class="soft">${t("sale.no_moves")}</p>`}
      </section>
      <section class="panel block">
        <h3 class="block__title">${t("sale.facts")}</h3>
        <dl class="facts">
          ${fact(t("sale.placed"), moment(order.creation_time))} ${fact(t("sale.contact"), contact.name)}
          ${fact(t("sale.phone"), html`<a href="tel:${contact.phone}">${contact.phone}</a>`)}
          ${contact.email ? fact(t("sale.email"), html`<a href="mailto:${contact.email}">${contact.email}</a>`) : nothing}
          ${fact(t("sale.delivery"), t(`sale.delivery_${delivery.method}`))}
          ${delivery.address ? fact(t("sale.address"), delivery.address) : nothing}
          ${delivery.note ? fact(t("sale.note"), delivery.note) : nothing}
          ${fact(t("sale.payment"), html`${t(`sale.method_${payment.method}`)} · ${t(`sale.payment_${payment.status}`)}`)}
          ${payment.paid_at ? fact(t("sale.paid_at"), moment(payment.paid_at)) : nothing}
          ${payment.hold_until ? fact(t("sale.hold_until"), moment(payment.hold_until)) : nothing}
        </dl>
        ${
          next
            ? html`<div class="actions">
                <button class="button button--quiet button--small" type="button" @click=${() => pay(order, next)}>
                  ${t(`sale.pay_${next}`)}
                </button>
              </div>`
            : nothing
        }
      </section>
    </div>`
}

const fact = (name, value) =>
  html`<div class="facts__row">
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div>`

const lines = () =>
  html`${table(order.lines, [
      [
        t("sale.product"),
        ({ article, name }) =>
          html`<a href="/products/${article}">${name}</a><br /><span class="soft">${article}</span>`,
      ],
      [t("sale.price"), ({ price }) => money(price), "number wide-only"],
      [t("sale.quantity"), ({ quantity }) => number(quantity), "number"],
      [t("sale.sum"), ({ total }) => money(total), "number"],
    ])}
    <p class="total">${t("sale.total")} <strong>${money(order.total)}</strong></p>`

addEventListener("hashchange", follow)
follow()
