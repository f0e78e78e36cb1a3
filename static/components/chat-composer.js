/**
 * <chat-composer>: where a message is written. Enter sends, Shift+Enter is a new line.
 * view: {placeholder, hint, disabled}; draft: the text in it.
 * Events: message {text}, typing, drafted {text} after each change.
 */
import { html, nothing } from "../vendor/lit-html/lit-html.js"
import { ViewElement } from "../js/element.js"
import { icons } from "../js/icons.js"
import { t } from "../js/texts.js"

const LONGEST = 4_000
const WARN_AT = 3_600

export class ChatComposer extends ViewElement {
  get #input() {
    return this.querySelector("textarea")
  }

  get draft() {
    return this.#input?.value ?? ""
  }

  set draft(text) {
    if (!this.#input || this.#input.value === text) return
    this.#input.value = text
    this.#grow()
  }

  focus() {
    this.#input?.focus()
  }

  template({ placeholder, hint, disabled = false }) {
    return html`
      <form class="composer" @submit=${(event) => this.#submit(event)}>
        ${hint ? html`<p class="composer__hint">${hint}</p>` : nothing}
        <div class="composer__row">
          <textarea
            class="composer__input"
            data-testid="chat-input"
            rows="1"
            maxlength=${LONGEST}
            aria-label=${placeholder}
            placeholder=${placeholder}
            ?disabled=${disabled}
            enterkeyhint="send"
            @keydown=${(event) => this.#pressed(event)}
            @input=${() => this.#changed()}
          ></textarea>
          <button
            class="composer__send"
            type="submit"
            aria-label=${t("chat.send")}
            title=${t("chat.send")}
            ?disabled=${disabled}
          >
            ${icons.send()}
          </button>
        </div>
        <p class="composer__count" role="status" hidden></p>
      </form>
    `
  }

  #pressed(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return
    this.#submit(event)
  }

  #submit(event) {
    event.preventDefault()
    const text = tidy(this.draft)
    if (!text) return
    this.draft = ""
    this.emit("drafted", { text: "" })
    this.emit("message", { text })
    this.#input.focus()
  }

  #changed() {
    this.#grow()
    if (this.draft.trim()) this.emit("typing")
    this.emit("drafted", { text: this.draft })
  }

  /** As high as its text, up to what the style allows; and how much still fits, once that matters. */
  #grow() {
    const input = this.#input
    input.style.height = "auto"
    input.style.height = `${input.scrollHeight + input.offsetHeight - input.clientHeight}px`
    const count = this.querySelector(".composer__count")
    count.hidden = input.value.length < WARN_AT
    if (!count.hidden) count.textContent = t("chat.chars_left", { n: LONGEST - input.value.length })
  }
}

/** What a server can keep: no control characters, no half of a character that a cut left over. */
function tidy(text) {
  const printable = text.replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, "").trim()
  return printable.toWellFormed?.() ?? printable
}

customElements.define("chat-composer", ChatComposer)
