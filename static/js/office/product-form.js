/**
 * The form of one product, new or there already: its fields, pictures, price, stock, and its way into the shop.
 *   const form = new ProductForm(article, { groups, draw, done }); await form.load(); form.view()
 */
import { newClientId } from "../outbox.js"
import { t } from "../texts.js"
import { html, nothing } from "../../vendor/lit-html/lit-html.js"
import { api, attempt, may, minorOf, notify, refusalOf } from "./common.js"
import { ask, badge, failed, Form, loading, refuse } from "./parts.js"
import { categoryOptions, NOTHING, shown, typedIn, written } from "./product-fields.js"
import { pictures, queue } from "./product-pictures.js"
import { trade } from "./product-trade.js"

export const MOODS = { draft: "", review: "warn", published: "good", archived: "bad" }

export class ProductForm {
  #article
  #groups
  #draw
  #done
  #form
  #product = null
  #next = null // the next free article, for a new product
  #queue = [] // pictures chosen for a product that is not there yet
  #theirs = null // what somebody else has changed meanwhile
  #problem = ""
  #key = newClientId() // a product that is sent twice is made once

  constructor(article, { groups, draw, done }) {
    this.#article = article
    this.#groups = groups
    this.#draw = draw
    this.#done = done
    this.#form = new Form(draw)
  }

  async load() {
    this.#problem = ""
    this.#draw()
    try {
      if (this.#article) this.#product = await api.get(`products/${this.#article}`)
      else this.#next = (await api.get("next-article")).article
    } catch (error) {
      this.#problem = refusalOf(error).text
    }
    this.#draw()
    document.querySelector("[data-product-title]")?.focus({ preventScroll: true })
    scrollTo(0, 0)
  }

  view() {
    const [product, back] = [this.#product, html`<p class="back"><a href="#">${t("goods.back")}</a></p>`]
    if (this.#problem) return html`${back} ${failed(this.#problem, () => this.load())}`
    if (this.#article && !product) return html`${back} ${loading()}`
    return html`${back}
      <div class="block__top">
        <h2 class="block__title" data-product-title tabindex="-1">${product ? product.name : t("goods.new")}</h2>
        ${product ? html`<p>${badge(t(`goods.status_${product.status}`), MOODS[product.status])} <span class="soft">${product.article}</span></p>` : nothing}
      </div>
      ${this.#conflict()}
      <div class="product">
        ${this.#fields()}
        <div class="product__side">
          ${product ? html`${this.#publication()} ${trade(product, (now) => this.#take(now))}` : nothing}
          ${
            product
              ? pictures(product, { act: (work) => this.#change(work) })
              : queue(this.#queue, (files) => {
                  this.#queue = files
                  this.#draw()
                })
          }
        </div>
      </div>`
  }

  #fields() {
    const [form, product] = [this.#form, this.#product]
    const values = shown(product ?? NOTHING)
    const field = (name, options = {}) => form.field(name, t(`goods.${name}`), { value: values[name], ...options })
    const choices = html`<option value="">${t("goods.choose")}</option>
      ${categoryOptions(this.#groups, values.category)}`
    return html`<form class="form panel" data-product @submit=${(event) => this.#submit(event)}>
      ${form.alert}
      <div class="fields">
        ${field("name", { required: true, maxlength: 200, wide: true })}
        ${
          product
            ? nothing
            : form.field("article", t("goods.article"), {
                inputmode: "numeric",
                placeholder: String(this.#next ?? ""),
                hint: t("goods.article_hint", { n: this.#next ?? "" }),
              })
        }
        <label class="field"
          ><span class="field__label">${t("goods.category")}</span>
          <select
            class="field__input"
            name="category"
            required
            aria-invalid=${form.problems.fields.category ? "true" : nothing}
          >
            ${choices}
          </select>
          ${form.problems.fields.category ? html`<span class="field__problem">${form.problems.fields.category}</span>` : nothing}
        </label>
        ${
          product
            ? nothing
            : html`${form.field("price", t("goods.price"), { required: true, inputmode: "decimal", hint: t("goods.price_hint") })}
              ${form.field("discount", t("goods.discount"), { type: "number", min: 0, max: 100, step: "0.01", value: "0" })}
              ${form.field("remains", t("goods.remains"), { type: "number", min: 0, value: "0" })}`
        }
        ${field("brand", { maxlength: 200 })} ${field("country_origin", { maxlength: 80 })}
        ${field("tags", { hint: t("goods.comma") })} ${field("colors", { hint: t("goods.comma") })}
        ${field("materials", { hint: t("goods.comma") })} ${field("sizes", { hint: t("goods.comma") })}
        ${field("further", { type: "textarea", wide: true, hint: t("goods.further_hint") })}
        ${field("description", { type: "textarea", wide: true, maxlength: 20_000 })}
      </div>
      <div class="actions">
        <button class="button" type="submit" ?disabled=${form.busy}>
          ${product ? t("office.save") : t("goods.create")}
        </button>
      </div>
    </form>`
  }

  #submit(event) {
    return this.#product ? this.#save(event) : this.#create(event)
  }

  async #create(event) {
    let made
    const done = await this.#form.send(event, async (elements) => {
      const { article, price, discount, remains } = elements
      const amount = minorOf(price.value) ?? refuse("price", "price")
      const number = article.value.trim()
      if (number && !/^[1-9]\d{0,14}$/.test(number)) refuse("article", "article")
      const body = {
        ...written(typedIn(elements)),
        ...(number && { article: Number(number) }),
        price: { amount },
        discount: Number(discount.value),
        remains: Number(remains.value),
      }
      try {
        made = await api.post("products", body, { key: this.#key })
      } catch (error) {
        if (error.status) this.#key = newClientId() // refused: what is mended is another product
        if (error.problem?.field !== "article") throw error
        this.#next = error.problem.next_article ?? this.#next
        refuse("article", "article_taken")
      }
    })
    if (!done) return
    let sent = true
    for (const file of this.#queue)
      sent = (await attempt(() => api.upload(`products/${made.article}/images`, file))) && sent
    if (sent) notify(t("goods.done_create", { name: made.name }))
    location.hash = String(made.article)
  }

  /** Save what differs from what is there; true if there is nothing left to save. */
  async #save(event) {
    const form = event.target
    const before = shown(this.#product)
    const done = await this.#form.send(event, async (elements) => {
      const typed = typedIn(elements)
      const changed = Object.fromEntries(Object.entries(typed).filter(([name, value]) => value !== before[name]))
      if (!Object.keys(changed).length) return
      try {
        await this.#take(await api.patch(`products/${this.#article}`, written(changed, before), { match: this.#match }))
      } catch (error) {
        if (error.code !== "stale") throw error
        await this.#compare()
        throw error
      }
    })
    if (done) {
      this.#theirs = null
      this.#draw()
      form.reset() // what is shown is what is there
      notify(t("goods.done_save"))
    }
    return done
  }

  get #match() {
    return `"${this.#product.version}"`
  }

  #take(product) {
    this.#product = product
    this.#draw()
  }

  /** Somebody was faster: fields that were not touched show what is there now, the others keep what was typed. */
  async #compare() {
    const before = shown(this.#product)
    const product = await api.get(`products/${this.#article}`)
    const now = shown(product)
    this.#theirs = Object.keys(now).filter((name) => now[name] !== before[name])
    this.#take(product)
  }

  #conflict() {
    if (!this.#theirs) return nothing
    const now = shown(this.#product)
    const takeTheirs = () => {
      document.querySelector("[data-product]").reset()
      this.#theirs = null
      this.#draw()
    }
    return html`<section class="notice notice--bad block" data-conflict>
      <h3>${t("goods.conflict")}</h3>
      <p>${this.#theirs.length ? t("goods.conflict_lead") : t("goods.conflict_other")}</p>
      <dl class="changes">
        ${this.#theirs.map(
          (name) =>
            html`<div class="changes__row">
              <dt>${t(`goods.${name}`)}</dt>
              <dd>${this.#words(name, now[name]) || "—"}</dd>
            </div>`,
        )}
      </dl>
      <div class="actions">
        <button class="button button--quiet button--small" type="button" @click=${takeTheirs}>
          ${t("goods.conflict_theirs")}
        </button>
      </div>
    </section>`
  }

  #words(name, value) {
    return name === "category" ? this.#product.category.name : value
  }

  // --- into the shop and out of it ------------------------------------------------------------------------------------

  #publication() {
    const { status } = this.#product
    const publish = may("products.publish")
    const button = (words, work, quiet = true) =>
      html`<button class="button button--small ${quiet ? "button--quiet" : ""}" type="button" @click=${work}>
        ${words}
      </button>`
    const free = publish || status !== "published"
    return html`<section class="panel block">
      <h3 class="block__title">${t("goods.way")}</h3>
      <p class="soft">${t(`goods.way_${status}`)}</p>
      <div class="actions">
        ${status === "draft" ? button(t("goods.send"), () => this.#promote("review"), publish) : nothing}
        ${publish && ["draft", "review"].includes(status) ? button(t("goods.publish"), () => this.#promote("published"), false) : nothing}
        ${free && status !== "draft" ? button(t("goods.withdraw"), () => this.#withdraw()) : nothing}
        ${free && status !== "archived" ? button(t("goods.archive"), () => this.#archive()) : nothing}
        ${status === "published" ? html`<a class="button button--quiet button--small" href="/products/${this.#article}">${t("goods.look")}</a>` : nothing}
      </div>
    </section>`
  }

  /** Do something with the product as it is now, and show what it becomes. */
  async #change(work, words = t("goods.done_save")) {
    const done = await attempt(async () => this.#take(await work(this.#match)))
    if (done) notify(words)
    return done
  }

  /** What was typed and not yet saved goes along. */
  async #saved() {
    const form = document.querySelector("[data-product]")
    const before = shown(this.#product)
    const typed = typedIn(form.elements)
    if (Object.keys(typed).every((name) => typed[name] === before[name])) return true
    return this.#save({ target: form, preventDefault: () => {} })
  }

  async #promote(status) {
    if (!(await this.#saved())) return
    const words = t(`goods.done_${status}`)
    await this.#change((match) => api.put(`products/${this.#article}/publication`, { status }, { match }), words)
  }

  async #withdraw() {
    const product = await ask({
      title: t("goods.withdraw"),
      lead: t("goods.withdraw_lead"),
      submit: t("goods.withdraw"),
      fields: (form) => form.field("note", t("goods.note"), { maxlength: 200 }),
      work: ({ note }) =>
        api.delete(`products/${this.#article}/publication?${new URLSearchParams({ note: note.value })}`, {
          match: this.#match,
        }),
    })
    if (product) this.#take(product)
  }

  async #archive() {
    const done = await ask({
      title: t("goods.archive"),
      lead: t("goods.archive_lead"),
      submit: t("goods.archive"),
      work: () => api.delete(`products/${this.#article}`, { match: this.#match }),
    })
    if (!done) return
    notify(t("goods.done_archive", { name: this.#product.name }))
    this.#done()
  }
}
