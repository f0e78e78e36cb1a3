/** What all our elements share: they draw themselves from one `view` object and speak by events. */
import { nothing, render } from "../vendor/lit-html/lit-html.js"

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
    if (!this.#view || !this.isConnected) return
    const focused = this.contains(document.activeElement) ? document.activeElement : null
    render(this.template(this.#view), this)
    // A list that is sorted anew moves its rows, and what is moved loses the keyboard's focus.
    if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true })
  }

  /** Show nothing, and keep nothing of what was shown, until there is another view. */
  clear() {
    this.#view = null
    render(nothing, this)
  }

  connectedCallback() {
    this.draw()
  }

  emit(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }))
  }
}
