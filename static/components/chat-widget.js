/**
 * <chat-widget>: the bubble in the corner and the panel that it opens.
 * view: {thread (view of <chat-thread>), unread, preview, status, assignee, offline, account (view of <account-form>)}
 * open(part?), close(), draft. Events: opened, closed; of the parts: message, typing, drafted, seen, history, retry,
 * discard, register, sign-in, sign-out.
 */
import { html, nothing } from "../vendor/lit-html/lit-html.js"
import { ViewElement } from "../js/element.js"
import { nameOf } from "../js/format.js"
import { icons } from "../js/icons.js"
import { t } from "../js/texts.js"
import "./account-form.js"
import "./chat-composer.js"
import "./chat-thread.js"

const MOST_UNREAD = 9
const phone = matchMedia("(max-width: 639px)") // as in widget.css

export class ChatWidget extends ViewElement {
  isOpen = false
  #part = "chat"
  #previewClosed = null

  /** Whether the thread itself is in sight. */
  get isReading() {
    return this.isOpen && this.#part === "chat"
  }

  connectedCallback() {
    super.connectedCallback()
    this.addEventListener("keydown", ({ key, isComposing }) => {
      if (key === "Escape" && !isComposing && this.isOpen) this.close()
    })
    phone.addEventListener("change", () => this.#coverPage()) // turned on its side
  }

  open(part = "chat") {
    const wasOpen = this.isOpen
    this.isOpen = true
    this.#part = part
    this.#coverPage()
    this.draw()
    if (!wasOpen) {
      this.emit("opened")
      this.querySelector("chat-thread")?.toEnd()
    }
    this.#focusPart()
  }

  close() {
    this.isOpen = false
    this.#coverPage()
    this.draw()
    this.emit("closed")
    this.querySelector(".bubble").focus()
  }

  set draft(text) {
    this.querySelector("chat-composer").draft = text
  }

  get draft() {
    return this.querySelector("chat-composer").draft
  }

  /** On a phone the panel covers the page; what is behind it must not be reached by keyboard either. */
  #coverPage() {
    const covered = this.isOpen && phone.matches
    document.documentElement.classList.toggle("has-panel", this.isOpen)
    for (const other of this.parentElement.children) if (other !== this) other.inert = covered
  }

  #focusPart() {
    const target = this.#part === "chat" ? "textarea" : "account-form input, account-form button"
    this.querySelector(target)?.focus()
  }

  template(view) {
    const { unread } = view
    const label = this.isOpen ? t("chat.close") : unread ? t("chat.open_unread", { n: unread }) : t("chat.open")
    return html`
      <section class="panel" role="dialog" aria-label=${t("chat.title")} ?hidden=${!this.isOpen}>
        ${this.#header(view)}
        <p class="panel__connection" role="status" ?hidden=${!view.offline}>
          ${view.offline ? t("chat.connecting") : ""}
        </p>
        <div class="panel__part" ?hidden=${this.#part !== "chat"}>
          <chat-thread .view=${{ ...view.thread, empty: this.#greeting() }}></chat-thread>
          ${view.problem ? html`<p class="panel__problem" role="alert">${view.problem}</p>` : nothing}
          <chat-composer
            .view=${{ placeholder: t("chat.placeholder"), hint: view.status === "closed" ? t("chat.closed_hint") : null }}
          ></chat-composer>
        </div>
        <div class="panel__part panel__part--account" ?hidden=${this.#part !== "account"}>
          <account-form .view=${view.account}></account-form>
        </div>
      </section>
      ${this.#preview(view)}
      <button
        class="bubble"
        type="button"
        data-testid="chat-bubble"
        aria-expanded=${String(this.isOpen)}
        aria-label=${label}
        @click=${() => (this.isOpen ? this.close() : this.open())}
      >
        ${this.isOpen ? icons.down() : icons.chat()}
        ${unread && !this.isOpen ? html`<span class="bubble__badge" aria-hidden="true">${badge(unread)}</span>` : nothing}
      </button>
      <p class="hidden" role="status">${unread && !this.isOpen ? t("chat.unread", { n: unread }) : ""}</p>
    `
  }

  #header({ assignee, status, account }) {
    const inAccount = this.#part === "account"
    const state = status === "closed" ? "closed" : assignee ? "with" : status === "queued" ? "queued" : "idle"
    return html`
      <div class="panel__top">
        ${
          inAccount
            ? html`<button
                class="panel__tool"
                type="button"
                aria-label=${t("chat.back")}
                title=${t("chat.back")}
                @click=${() => this.open("chat")}
              >
                ${icons.back()}
              </button>`
            : html`<span class="panel__face" aria-hidden="true"
                >${state === "with" ? initial(assignee) : icons.chat()}</span
              >`
        }
        <div class="panel__words">
          <h2 class="panel__title">${t(inAccount ? "account.title" : "chat.title")}</h2>
          ${inAccount ? nothing : html`<p class="panel__state">${t(`chat.header_${state}`, { name: nameOf(assignee) })}</p>`}
        </div>
        ${
          inAccount
            ? nothing
            : html`<button
                class="panel__tool"
                type="button"
                data-testid="account"
                @click=${() => this.open("account")}
                aria-label=${account.me?.kind === "user" ? t("account.title") : t("account.enter")}
                title=${t("account.enter_why")}
              >
                ${icons.person()}
              </button>`
        }
        <button
          class="panel__tool"
          type="button"
          aria-label=${t("chat.close")}
          title=${t("chat.close")}
          @click=${() => this.close()}
        >
          ${icons.close()}
        </button>
      </div>
    `
  }

  #greeting() {
    return html`<div class="greeting">
      <p class="greeting__title">${t("chat.greeting")}</p>
      <p>${t("chat.greeting_text")}</p>
    </div>`
  }

  /** The newest unread message beside the closed bubble; waved away it stays away until there is another. */
  #preview({ preview, unread }) {
    if (this.isOpen || !unread || !preview || preview.key === this.#previewClosed) return nothing
    const dismiss = () => {
      this.#previewClosed = preview.key
      this.draw()
      this.querySelector(".bubble").focus()
    }
    return html`<div class="preview">
      <button class="preview__text" type="button" @click=${() => this.open()}>
        <b>${nameOf(preview.sender)}</b><span>${preview.text}</span>
      </button>
      <button class="preview__close" type="button" aria-label=${t("chat.dismiss")} @click=${dismiss}>
        ${icons.close()}
      </button>
    </div>`
  }
}

const badge = (unread) => (unread > MOST_UNREAD ? `${MOST_UNREAD}+` : unread)
const initial = (person) => nameOf(person).trim().charAt(0).toUpperCase()

customElements.define("chat-widget", ChatWidget)
