/**
 * <staff-desk>: inbox, thread and context side by side; on a phone one of them at a time.
 * view: {shop, languages: [{code, url, current}], menu: [{slug, title}], me, presence, colleagues, offline, inbox (view of <staff-inbox>), chat}
 *   chat: null, or {id, state, name, thread (view of <chat-thread>), can: {claim, close, reopen, write}, hint, notice}
 * Events: presence {state}, leave, deselect, claim, close-chat, reopen-chat; those of the parts.
 */
import { html, nothing } from "../vendor/lit-html/lit-html.js"
import { ViewElement } from "../js/element.js"
import { fullMoment, nameOf } from "../js/format.js"
import { icons } from "../js/icons.js"
import { t } from "../js/texts.js"
import "./chat-composer.js"
import "./chat-thread.js"
import "./staff-inbox.js"

const PRESENCE = ["online", "busy", "away", "off"]

export class StaffDesk extends ViewElement {
  get thread() {
    return this.querySelector("chat-thread")
  }

  get composer() {
    return this.querySelector("chat-composer")
  }

  template(view) {
    const { chat } = view
    return html`
      ${this.#top(view)}
      <div class="desk ${chat ? "desk--chat" : ""}">
        <nav class="desk__inbox" aria-label=${t("staff.inbox")}><staff-inbox .view=${view.inbox}></staff-inbox></nav>
        <main class="desk__chat">${chat ? this.#chat(chat) : this.#nothing(view.inbox)}</main>
        ${chat ? this.#context(chat, view.colleagues) : nothing}
      </div>
    `
  }

  #top({ shop, languages, menu, me, presence, offline }) {
    return html`
      <header class="office__top">
        <p class="office__shop">${shop}<span>${t("staff.title")}</span></p>
        <nav class="menu" aria-label=${t("office.menu")} ?hidden=${!menu.length}>
          <a class="menu__link" href="/staff" aria-current="page">${t("office.chats")}</a>
          ${menu.map(({ slug, title }) => html`<a class="menu__link" href="/staff/${slug}">${title}</a>`)}
        </nav>
        <p class="office__connection" role="status">${offline ? t("chat.connecting") : ""}</p>
        <div class="office__tools">
          <label class="presence presence--${presence}">
            <span class="hidden">${t("staff.presence")}</span>
            <select
              class="presence__select"
              data-testid="presence"
              @change=${(event) => this.emit("presence", { state: event.target.value })}
            >
              ${PRESENCE.map(
                (state) => html`
                  <option value=${state} .selected=${state === presence}>${t(`staff.presence_${state}`)}</option>
                `,
              )}
            </select>
          </label>
          <span class="languages" role="group" aria-label=${t("staff.language")}>
            ${languages.map(
              ({ code, url, current }) => html`
                <a class="languages__link" href=${url} lang=${code} aria-current=${current ? "true" : nothing}
                  >${code.toUpperCase()}</a
                >
              `,
            )}
          </span>
          <span class="office__me">${nameOf(me)}</span>
          <button
            class="tool"
            type="button"
            data-testid="staff-logout"
            aria-label=${t("account.sign_out")}
            title=${t("account.sign_out")}
            @click=${() => this.emit("leave")}
          >
            ${icons.leave()}
          </button>
        </div>
      </header>
    `
  }

  #chat(chat) {
    const { state, can } = chat
    const act = (name, event, testid, quiet) =>
      html` <button
        class="button button--small ${quiet ? "button--quiet" : ""}"
        type="button"
        data-testid=${testid}
        @click=${() => this.emit(event)}
      >
        ${t(`staff.${name}`)}
      </button>`
    return html`
      <header class="chat-top">
        <button
          class="tool chat-top__back"
          type="button"
          aria-label=${t("staff.to_inbox")}
          @click=${() => this.emit("deselect")}
        >
          ${icons.back()}
        </button>
        <div class="chat-top__words">
          <h1 class="chat-top__name">${chat.name}</h1>
          <p class="chat-top__state">${this.#status(state)}</p>
        </div>
        <div class="chat-top__actions">
          ${can.claim ? act("claim", "claim", "claim") : nothing}
          ${can.close ? act("close", "close-chat", "close-chat", true) : nothing}
          ${can.reopen ? act("reopen", "reopen-chat", "reopen-chat") : nothing}
        </div>
      </header>
      ${chat.notice ? html`<p class="chat-notice" role="status">${chat.notice}</p>` : nothing}
      <chat-thread .view=${{ ...chat.thread, empty: nothing }}></chat-thread>
      <chat-composer
        ?hidden=${!can.write}
        .view=${{ placeholder: t("staff.placeholder"), hint: chat.hint, disabled: !can.write }}
      ></chat-composer>
      ${can.write ? nothing : html`<p class="chat-closed">${t("staff.closed_text")}</p>`}
    `
  }

  #status(state) {
    if (!state) return t("staff.loading")
    const status = t(`staff.status_${state.status}`)
    return state.assignee && state.status !== "closed"
      ? `${status} · ${nameOf({ kind: "staff", ...state.assignee })}`
      : status
  }

  #nothing({ rows, filter, loading }) {
    const quiet = !loading && !rows.length && filter !== "closed"
    return html`
      <div class="desk__nothing">
        ${icons.chat()}
        <h1 class="desk__nothing-title">${t(quiet ? "staff.quiet" : "staff.choose")}</h1>
        <p>${t(quiet ? "staff.quiet_text" : "staff.choose_text")}</p>
      </div>
    `
  }

  #context({ id, state, name }, colleagues) {
    const facts = state && [
      ["customer", name],
      ["kind", t(`staff.kind_${state.customer?.kind ?? "guest"}`)],
      ["status", t(`staff.status_${state.status}`)],
      ["assignee", state.assignee ? nameOf({ kind: "staff", ...state.assignee }) : t("staff.nobody")],
      ["subject", state.subject],
      ["created", state.creation_time && fullMoment(Date.parse(state.creation_time))],
      ["closed", state.closed_time && state.status === "closed" && fullMoment(Date.parse(state.closed_time))],
    ]
    return html`
      <aside class="desk__context" aria-label=${t("staff.context")}>
        <h2 class="context__title">${t("staff.context")} <span class="context__number">№ ${id}</span></h2>
        <dl class="facts">
          ${(facts || [])
            .filter(([, value]) => value)
            .map(
              ([key, value]) =>
                html`<div class="facts__row">
                  <dt>${t(`staff.fact_${key}`)}</dt>
                  <dd>${value}</dd>
                </div>`,
            )}
        </dl>
        ${colleagues.length ? this.#colleagues(colleagues) : nothing}
      </aside>
    `
  }

  #colleagues(colleagues) {
    return html`
      <h2 class="context__title">${t("staff.colleagues")}</h2>
      <ul class="colleagues">
        ${colleagues.map(
          (one) => html`
            <li class="presence presence--${one.state}">
              ${nameOf({ kind: "staff", ...one })}
              <span class="colleagues__state">${t(`staff.presence_${one.state}`)}</span>
            </li>
          `,
        )}
      </ul>
    `
  }
}

customElements.define("staff-desk", StaffDesk)
