/** Parts of the sections: forms with their problems, dialogs that ask, lists that come page by page. */
import { ApiError } from "../api.js"
import { t } from "../texts.js"
import { html, nothing, render } from "../../vendor/lit-html/lit-html.js"
import { refusalOf } from "./common.js"

/** Refuse a field of a form before the server has to: there are words for `code` in error.json. */
export function refuse(field, code) {
  throw new ApiError(422, { code: "invalid", errors: [{ pointer: `/${field}`, code }] })
}

const FINE = { text: "", fields: {} }

/** A form while it is filled in and sent. `draw` shows it anew; what was typed stays until it is done. */
export class Form {
  busy = false
  problems = FINE
  #draw

  constructor(draw) {
    this.#draw = draw
  }

  /** Do what the form asks for; true if it was done. A refusal is shown where it belongs, and has the focus. */
  async send(event, work) {
    event.preventDefault()
    const form = event.target
    if (this.busy) return false
    this.busy = true
    this.problems = FINE
    this.#draw()
    try {
      await work(form.elements)
      return true
    } catch (error) {
      const { text, fields } = refusalOf(error)
      const homeless = Object.keys(fields).filter((name) => !form.elements.namedItem(name))
      this.problems = { text: [text, ...homeless.map((name) => fields[name])].filter(Boolean).join(" "), fields }
      return false
    } finally {
      this.busy = false
      this.#draw()
      const wrong = form.querySelector("[aria-invalid=true]") ?? form.querySelector("[role=alert]:not([hidden])")
      wrong?.focus()
    }
  }

  /** What went wrong with the whole of it. */
  get alert() {
    const { text } = this.problems
    return html`<p class="form__error" role="alert" tabindex="-1" ?hidden=${!text}>${text}</p>`
  }

  /** A labelled field: `type` is one of <input>, "textarea", or "select" with `choices` [[value, label]]. */
  field(name, label, { type = "text", value = "", hint, wide, choices, ...rest } = {}) {
    const problem = this.problems.fields[name]
    const invalid = problem ? "true" : nothing
    const { required = false, maxlength, min, max, step, inputmode, autocomplete = "off", placeholder, change } = rest
    const control =
      type === "select"
        ? html`<select
            class="field__input"
            name=${name}
            ?required=${required}
            aria-invalid=${invalid}
            @change=${change}
          >
            ${choices.map(([one, words]) => html`<option value=${one} ?selected=${one === value}>${words}</option>`)}
          </select>`
        : type === "textarea"
          ? html`<textarea
              class="field__input"
              name=${name}
              maxlength=${maxlength ?? nothing}
              ?required=${required}
              aria-invalid=${invalid}
              .defaultValue=${value}
            ></textarea>`
          : html`<input
              class="field__input"
              name=${name}
              type=${type}
              value=${value}
              maxlength=${maxlength ?? nothing}
              min=${min ?? nothing}
              max=${max ?? nothing}
              step=${step ?? nothing}
              inputmode=${inputmode ?? nothing}
              placeholder=${placeholder ?? nothing}
              autocomplete=${autocomplete}
              ?required=${required}
              aria-invalid=${invalid}
              @change=${change}
            />`
    return html`<label class="field ${wide ? "field--wide" : ""}"
      ><span class="field__label">${label}${hint ? html` <small>${hint}</small>` : nothing}</span>${control}${
        problem ? html`<span class="field__problem">${problem}</span>` : nothing
      }</label
    >`
  }
}

/**
 * Open a dialog with a form and wait: what `work(elements)` gave, or null if it was closed. The focus goes back.
 *   await ask({ title, lead, submit, fields: (form) => html`…`, work: (elements) => api.post(…) })
 */
export function ask({ title, lead, submit, fields, work }) {
  const dialog = document.createElement("dialog")
  dialog.className = "dialog"
  dialog.setAttribute("aria-label", title)
  document.body.append(dialog)
  const opener = document.activeElement
  return new Promise((resolve) => {
    let result = null
    const form = new Form(draw)
    const send = async (event) => {
      const done = await form.send(event, async (elements) => {
        result = await work(elements)
      })
      if (done && result !== null) dialog.close() // null: the password was not given
    }
    function draw() {
      render(
        html`<form class="form" @submit=${send}>
          <h2 class="form__title">${title}</h2>
          ${lead ? html`<p class="form__lead">${lead}</p>` : nothing} ${form.alert}
          ${fields ? fields(form, draw) : nothing}
          <div class="actions">
            <button class="button" type="submit" ?disabled=${form.busy}>${submit}</button>
            <button class="button button--quiet" type="button" @click=${() => dialog.close()}>
              ${t("office.cancel")}
            </button>
          </div>
        </form>`,
        dialog,
      )
    }
    draw()
    dialog.addEventListener("close", () => {
      dialog.remove()
      resolve(result)
      // What opened it may have gone with what was done.
      setTimeout(() => (opener.isConnected ? opener : document.querySelector("#main")).focus({ preventScroll: true }))
    })
    dialog.showModal()
    dialog.querySelector("input, select, textarea")?.focus()
  })
}

/** A list that comes page by page. `load(after)` gives {items, next}; a later filter's answer is never overtaken. */
export class Pages {
  items = null
  next = null
  busy = false
  problem = ""
  #load
  #draw
  #run = 0

  constructor(load, draw) {
    this.#load = load
    this.#draw = draw
  }

  start = () => this.#go(null)

  more = async () => {
    const shown = this.items.length
    await this.#go(this.next)
    if (document.activeElement === document.body) document.querySelectorAll("[data-row]")[shown]?.focus()
  }

  /** Put an item in the place of the one that it is now, or take it away. */
  replace(item, with_) {
    this.items = this.items.flatMap((one) => (one === item ? (with_ ? [with_] : []) : [one]))
    this.#draw()
  }

  async #go(after) {
    const run = ++this.#run
    this.busy = true
    this.problem = ""
    this.#draw()
    try {
      const page = await this.#load(after)
      if (run !== this.#run) return
      this.items = after === null ? page.items : [...this.items, ...page.items]
      this.next = page.next ?? null
    } catch (error) {
      if (run !== this.#run) return
      this.problem = refusalOf(error).text || t("error.other")
    }
    this.busy = false
    this.#draw()
  }

  /** What there is, or why there is nothing. */
  view(template, empty) {
    if (this.problem && !this.items) return failed(this.problem, this.start)
    if (!this.items) return loading()
    return html`<div class="listing" aria-busy=${this.busy}>
      ${this.items.length ? template(this.items) : html`<p class="nothing">${empty}</p>`}
      ${this.problem ? html`<p class="notice notice--bad" role="alert">${this.problem}</p>` : nothing}
      ${
        this.next === null
          ? nothing
          : html`<p class="listing__more">
              <button class="button button--quiet" type="button" ?disabled=${this.busy} @click=${this.more}>
                ${t("office.more")}
              </button>
            </p>`
      }
    </div>`
  }
}

export const loading = () => html`<p class="nothing" role="status">${t("office.loading")}</p>`

export const failed = (problem, again) =>
  html`<div class="nothing" role="alert">
    <p>${problem}</p>
    <button class="button button--quiet" type="button" @click=${again}>${t("office.again")}</button>
  </div>`

export const badge = (text, mood = "") => html`<span class="badge ${mood && `badge--${mood}`}">${text}</span>`

/** A table whose columns are [heading, cell(item), class]. One without links or buttons needs `label` to be scrolled by keys. */
export const table = (items, columns, { label } = {}) =>
  html`<div
    class="table-frame"
    role=${label ? "region" : nothing}
    aria-label=${label ?? nothing}
    tabindex=${label ? "0" : nothing}
  >
    <table class="table">
      <thead>
        <tr>
          ${columns.map(([heading, , kind]) => html`<th scope="col" class=${kind ?? nothing}>${heading}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${items.map(
          (item) =>
            html`<tr data-row tabindex="-1">
              ${columns.map(([, cell, kind]) => html`<td class=${kind ?? nothing}>${cell(item)}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`

/** The filters of a list in the address, so that a reload and a link keep them. */
export function filtersOf(...names) {
  const query = new URLSearchParams(location.search)
  return Object.fromEntries(names.map((name) => [name, query.get(name) ?? ""]))
}

export function keepFilters(filters) {
  const query = new URLSearchParams(location.search)
  for (const [name, value] of Object.entries(filters)) value ? query.set(name, value) : query.delete(name)
  history.replaceState(null, "", `${location.pathname}?${query}${location.hash}`)
}

/** A query of what is filled in: {q: "", status: ["draft", "review"]} is "status=draft&status=review". */
export const queryOf = (values) =>
  new URLSearchParams(
    Object.entries(values)
      .flatMap(([name, value]) => [value].flat().map((one) => [name, one]))
      .filter(([, one]) => one !== "" && one !== null && one !== undefined),
  )

/** A drop-down in a row of filters. */
export const filter = (label, value, choices, change) =>
  html`<label class="field filter-field"
    ><span class="field__label">${label}</span>
    <select class="field__input" @change=${(event) => change(event.target.value)}>
      ${choices.map(([one, words]) => html`<option value=${one} ?selected=${one === value}>${words}</option>`)}
    </select></label
  >`

/** What a person types becomes a change only when they pause. */
let searching
export const search = (label, value, change) => {
  const type = (event) => {
    clearTimeout(searching)
    searching = setTimeout(change, 250, event.target.value.trim())
  }
  return html`<label class="field filter-field filter-field--search"
    ><span class="field__label">${label}</span>
    <input class="field__input" type="search" value=${value} maxlength="100" autocomplete="off" @input=${type}
  /></label>`
}
