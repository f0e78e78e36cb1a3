/** What a product costs and how many are left, with the dialogs that change both, by right. */
import { newClientId } from "../outbox.js"
import { t } from "../texts.js"
import { html, nothing } from "../../vendor/lit-html/lit-html.js"
import { api, may, minorOf, moment, money, notify, number } from "./common.js"
import { ask, refuse } from "./parts.js"

/** `take(product)` is told what becomes of it. */
export function trade(product, take) {
  const { price, old_price, discount, valid_until, remains } = product
  return html`<section class="panel block">
    <h3 class="block__title">${t("goods.trade")}</h3>
    <p>
      <strong>${money(price)}</strong>
      ${old_price ? html`<del class="soft">${money(old_price)}</del> <span class="soft">−${number(discount)} %</span>` : nothing}
      ${valid_until ? html`<br /><span class="soft">${t("goods.valid_until", { time: moment(valid_until) })}</span>` : nothing}
    </p>
    <p>${t("goods.left", { n: number(remains) })}</p>
    <div class="actions">
      ${may("prices") ? html`<button class="button button--quiet button--small" type="button" @click=${() => setPrice(product, take)}>${t("goods.set_price")}</button>` : nothing}
      ${may("stock") ? html`<button class="button button--quiet button--small" type="button" @click=${() => moveStock(product, take)}>${t("goods.move_stock")}</button>` : nothing}
    </div>
  </section>`
}

async function setPrice({ article, version, name, price, old_price }, take) {
  const full = (old_price ?? price).amount
  const changed = await ask({
    title: t("goods.set_price"),
    lead: name,
    submit: t("office.save"),
    fields: (form) =>
      html`<div class="fields">
        ${form.field("price", t("goods.price"), { required: true, inputmode: "decimal", value: String(full / 100), hint: t("goods.price_hint") })}
        ${form.field("discount", t("goods.discount"), { type: "number", min: 0, max: 100, step: "0.01", hint: t("goods.discount_hint") })}
        ${form.field("reason", t("goods.note"), { maxlength: 200, wide: true })}
      </div>`,
    work: ({ price: typed, discount, reason }) => {
      const form = {
        price: { amount: minorOf(typed.value) ?? refuse("price", "price") },
        ...(discount.value !== "" && { discount: Number(discount.value) }),
        ...(reason.value && { reason: reason.value }),
      }
      return api.put(`products/${article}/price`, form, { match: `"${version}"` })
    },
  })
  if (changed) take(changed)
}

async function moveStock({ article, remains }, take) {
  const key = newClientId()
  const moved = await ask({
    title: t("goods.move_stock"),
    lead: t("goods.left", { n: number(remains) }),
    submit: t("office.save"),
    fields: (form) =>
      html`<div class="fields">
        ${form.field("how", t("goods.how"), {
          type: "select",
          value: "delta",
          choices: ["delta", "set"].map((how) => [how, t(`goods.how_${how}`)]),
        })}
        ${form.field("quantity", t("goods.quantity"), { type: "number", required: true, hint: t("goods.quantity_hint") })}
        ${form.field("reason", t("goods.reason"), {
          type: "select",
          value: "receipt",
          choices: ["receipt", "correction", "return"].map((reason) => [reason, t(`goods.reason_${reason}`)]),
        })}
        ${form.field("note", t("goods.note"), { maxlength: 200, wide: true })}
      </div>`,
    work: async ({ how, quantity, reason, note }) => {
      const form = { [how.value]: Number(quantity.value), reason: reason.value, note: note.value }
      await api.post(`products/${article}/stock`, form, { key })
      return api.get(`products/${article}`)
    },
  })
  if (!moved) return
  take(moved)
  notify(t("goods.done_stock", { n: number(moved.remains) }))
}
