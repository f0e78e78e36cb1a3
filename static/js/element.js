/** What all our elements share: they draw themselves from one `view` object and speak by events. */
import { render } from "../vendor/lit-html/lit-html.js"

export class ViewElement extends HTMLElement {
  #view = null

  /** What to show. Setting it draws at once. */
  get view() {
    return this.#view
  }

  set view(view) {
    this.#view = view
    this.draw()
  }

  draw() {
    if (this.#view && this.isConnected) render(this.template(this.#view), this)
  }

  connectedCallback() {
    this.draw()
  }

  emit(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }))
  }
}
