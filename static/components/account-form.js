/**
 * <account-form>: register, sign in, or who is signed in.
 * view: {me, busy, problem: {text, fields: {name: text}} | null}
 * Events: register {username, email, password, name?}, sign-in {login, password}, sign-out.
 */
import { html, nothing } from "../vendor/lit-html/lit-html.js"
import { ViewElement } from "../js/element.js"
import { icons } from "../js/icons.js"
import { t } from "../js/texts.js"

const REGISTER = [
  { name: "name", autocomplete: "name", optional: true },
  { name: "username", autocomplete: "username" },
  { name: "email", autocomplete: "email", type: "email" },
  { name: "password", autocomplete: "new-password", type: "password" },
]
const SIGN_IN = [
  { name: "login", autocomplete: "username" },
  { name: "password", autocomplete: "current-password", type: "password" },
]

let forms = 0 // one may stand on the page, and one in the chat's panel

export class AccountForm extends ViewElement {
  #number = ++forms
  #mode = "register"
  #problem = null

  draw() {
    super.draw()
    const { problem = null } = this.view ?? {}
    if (problem && problem !== this.#problem) this.#showProblem()
    this.#problem = problem
  }

  template({ me, busy, problem }) {
    if (me?.kind === "user") return this.#signedIn(me, busy)
    const register = this.#mode === "register"
    const tab = (mode) =>
      html` <button
        class="tab"
        type="button"
        aria-pressed=${String(this.#mode === mode)}
        @click=${() => this.#choose(mode)}
      >
        ${t(`account.${mode}`)}
      </button>`
    return html`
      <div class="tabs" role="group" aria-label=${t("account.title")}>${tab("register")}${tab("sign_in")}</div>
      <form
        class="form"
        data-testid=${register ? "register-form" : "sign-in-form"}
        novalidate
        @submit=${(event) => this.#submit(event)}
      >
        <p class="form__lead">${t(register ? "account.register_text" : "account.sign_in_text")}</p>
        <p class="form__error" role="alert" ?hidden=${!problem?.text}>${problem?.text ?? ""}</p>
        ${(register ? REGISTER : SIGN_IN).map((field) => this.#field(field, problem?.fields?.[field.name]))}
        <button class="button" type="submit" ?disabled=${busy}>
          ${t(register ? "account.create" : "account.sign_in")}
        </button>
      </form>
    `
  }

  #field({ name, autocomplete, type = "text", optional = false }, problem) {
    const id = `account${this.#number}-${this.#mode}-${name}`
    return html`
      <div class="field">
        <label class="field__label" for=${id}
          >${t(`account.${name}`)}${optional ? html` <small>${t("account.optional")}</small>` : nothing}</label
        >
        <input
          class="field__input"
          id=${id}
          name=${name}
          type=${type}
          autocomplete=${autocomplete}
          autocapitalize="none"
          spellcheck="false"
          ?required=${!optional}
          aria-invalid=${problem ? "true" : nothing}
          aria-describedby=${problem ? `${id}-problem` : nothing}
        />
        ${problem ? html`<p class="field__problem" id=${`${id}-problem`}>${problem}</p>` : nothing}
      </div>
    `
  }

  #signedIn(me, busy) {
    return html`
      <div class="form">
        <p class="form__lead">${t("account.signed_in_as")}</p>
        <p class="form__name">${me.name || t("account.customer")}</p>
        <button class="button button--quiet" type="button" ?disabled=${busy} @click=${() => this.emit("sign-out")}>
          ${icons.leave()}${t("account.sign_out")}
        </button>
      </div>
    `
  }

  /** Whoever sent the form goes on where something is to be mended. */
  #showProblem() {
    const field = this.querySelector('[aria-invalid="true"]') ?? this.querySelector("[type=submit]")
    field?.focus()
  }

  #choose(mode) {
    this.#mode = mode
    this.emit("forget-problem")
    this.draw()
  }

  #submit(event) {
    event.preventDefault()
    const values = Object.fromEntries([...new FormData(event.target)].filter(([, value]) => value !== ""))
    const empty = [...event.target.elements].find((field) => field.required && !field.value)
    if (empty) return empty.focus()
    this.emit(this.#mode === "register" ? "register" : "sign-in", values)
  }
}

customElements.define("account-form", AccountForm)
