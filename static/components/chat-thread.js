/**
 * <chat-thread>: the lines of one chat, oldest first, kept at the bottom while the reader is there.
 * view: {key, lines (of lines.js), typing: [names], older: whether there is more above, names: show who writes,
 *   empty: what stands there while there are no lines}
 * Events: history; seen {chat, seq}, the last line is on the screen; retry, discard, force {client_id} of a failed message.
 */
import { html, nothing } from "../vendor/lit-html/lit-html.js"
import { repeat } from "../vendor/lit-html/directives/repeat.js"
import { ViewElement } from "../js/element.js"
import { clock, day, fullMoment, money, nameOf } from "../js/format.js"
import { icons } from "../js/icons.js"
import { has, t } from "../js/texts.js"

const NEAR_PX = 60 // so close to the end counts as being there
const STATE_ICONS = { pending: icons.wait, sent: icons.one, delivered: icons.two, read: icons.two }

export class ChatThread extends ViewElement {
  #key = undefined
  #atEnd = true
  #firstKey = null
  #lastKey = null
  #below = false // something new stands below what is seen

  /** The highest seq that the reader has had on the screen. */
  seenSeq = 0

  get #box() {
    return this.querySelector(".thread__box")
  }

  toEnd() {
    this.#atEnd = true
    this.#below = false
    this.draw()
  }

  draw() {
    if (!this.view || !this.isConnected) return
    const { key, lines } = this.view
    const first = lines.find((line) => line.kind !== "day")?.key ?? null // the day's own line stays when older ones come
    if (key !== this.#key) this.#startOver(key)
    const heightBefore = this.#box?.scrollHeight ?? 0
    const last = lines.at(-1)
    const isNew = last && last.key !== this.#lastKey
    if (isNew && last.mine && !last.seq) this.#atEnd = true // just written here
    if (isNew && !this.#atEnd) this.#below = true
    const hadFocus = this.contains(document.activeElement)
    super.draw()
    const grewAbove = this.#firstKey !== null && first !== this.#firstKey
    this.#place(grewAbove ? this.#box.scrollHeight - heightBefore : 0)
    this.#lastKey = last?.key ?? null
    this.#firstKey = first
    if (hadFocus) this.#keepFocus()
  }

  /** The button that was just pressed may be gone; the keyboard stays in the thread. */
  #keepFocus() {
    const here = document.activeElement
    if (!this.contains(here) || !here.checkVisibility()) this.#box.focus({ preventScroll: true })
  }

  /** Stay at the end, or let older lines appear above without moving what is being read. */
  #place(heightAbove) {
    const box = this.#box
    if (this.#atEnd) box.scrollTop = box.scrollHeight
    else box.scrollTop += heightAbove
    if (this.#atEnd) this.#see()
    else this.#updateJump()
    // What is there on opening is not news; screen readers announce what comes later.
    if (this.view.lines.length) setTimeout(() => box.setAttribute("aria-live", "polite"), 500)
  }

  #startOver(key) {
    this.#key = key
    this.#atEnd = true
    this.#below = false
    this.#firstKey = null
    this.seenSeq = 0
    this.#box?.setAttribute("aria-live", "off")
  }

  #see() {
    const last = this.view.lines.findLast((line) => line.seq)
    this.#below = false
    this.#updateJump()
    if (!last) return
    this.seenSeq = Math.max(this.seenSeq, last.seq)
    this.emit("seen", { chat: last.chat, seq: last.seq })
  }

  #updateJump() {
    this.querySelector(".thread__jump").hidden = !this.#below
  }

  #scrolled() {
    const box = this.#box
    this.#atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX
    if (this.#atEnd) this.#see()
    if (box.scrollTop < NEAR_PX && this.view.older) this.emit("history")
  }

  template({ lines, typing, older, names, empty }) {
    return html`
      <div
        class="thread__box"
        role="log"
        aria-live="off"
        aria-label=${t("chat.log")}
        tabindex="0"
        @scroll=${() => this.#scrolled()}
      >
        <p class="thread__older" ?hidden=${!older}>
          <button class="link" type="button" @click=${() => this.emit("history")}>${t("chat.older")}</button>
        </p>
        ${lines.length ? nothing : empty}
        ${repeat(
          lines,
          (line) => line.key,
          (line) => this.#line(line, names),
        )}
        <p class="typing" data-testid="typing" ?hidden=${!typing.length}>
          <span class="typing__dots" aria-hidden="true"><i></i><i></i><i></i></span
          >${t("chat.typing", { name: typing.join(", ") })}
        </p>
      </div>
      <button class="thread__jump" type="button" hidden @click=${() => this.toEnd()}>
        ${icons.down()}${t("chat.new_below")}
      </button>
    `
  }

  #line(line, names) {
    if (line.kind === "day") return html`<p class="thread__day"><span>${day(line.time)}</span></p>`
    if (line.kind === "system") return html`<p class="thread__system" data-code=${line.code}>${systemText(line)}</p>`
    return this.#message(line, names)
  }

  #message(line, names) {
    const who = line.mine ? t("chat.you") : nameOf(line.sender)
    const classes = [
      "message",
      line.mine && "message--own",
      line.first && "message--first",
      line.last && "message--last",
    ]
    if (line.state === "failed") classes.push("message--failed")
    return html`
      <div
        class=${classes.filter(Boolean).join(" ")}
        data-testid="message"
        data-seq=${line.seq ?? nothing}
        data-client-id=${line.client_id ?? nothing}
        data-state=${line.state || nothing}
      >
        <p class=${names && !line.mine && line.first ? "message__name" : "hidden"}>${who}</p>
        <div class="message__body">
          <p
            class=${line.deleted ? "message__gone" : "message__text"}
            .textContent=${line.deleted ? t("chat.deleted") : line.text}
          ></p>
          <p class="message__foot">
            ${line.edited ? html`<span>${t("chat.edited")}</span>` : nothing}
            <time datetime=${new Date(line.time).toISOString()} title=${fullMoment(line.time)}
              >${clock(line.time)}</time
            >
            ${line.mine && line.state !== "failed" ? this.#mark(line.state) : nothing}
          </p>
        </div>
        ${line.state === "failed" ? this.#failure(line) : nothing}
      </div>
    `
  }

  #mark(state) {
    const label = t(`chat.state_${state}`)
    return html`<span
      class="message__mark message__mark--${state}"
      data-testid=${state === "read" ? "read-mark" : nothing}
      title=${label}
      >${STATE_ICONS[state]()}<span class="hidden">${label}</span></span
    >`
  }

  #failure({ client_id, error, entries }) {
    const reason = has(`chat.failed_${error}`) ? `chat.failed_${error}` : "chat.failed"
    const moved = error === "moved_on"
    return html`
      <div class="message__failure" role="alert">
        <p>${icons.alert()}${t(reason)}</p>
        ${
          moved && entries
            ? html`<ul class="message__others">
                ${entries.map((entry) => this.#other(entry))}
              </ul>`
            : nothing
        }
        <p class="message__choices">
          <button class="link" type="button" @click=${() => this.emit(moved ? "force" : "retry", { client_id, error })}>
            ${t(moved ? "chat.send_anyway" : "chat.retry")}
          </button>
          <button class="link" type="button" @click=${() => this.emit("discard", { client_id })}>
            ${t("chat.discard")}
          </button>
        </p>
      </div>
    `
  }

  #other({ data }) {
    return data?.data?.text ? html`<li><b>${nameOf(data.sender)}:</b> ${data.data.text}</li>` : nothing
  }
}

/** Entries of the system carry a code and parameters; here they become words. */
function systemText({ code, data, sender }) {
  const key =
    code === "assigned" && !data.to ? "unassigned" : code === "closed" && data.reason === "merged" ? "merged" : code
  const names = {
    name: nameOf(data.to ?? data.by ?? sender),
    by: nameOf(data.by ?? sender),
    number: data.number,
    total: data.total ? money(data.total) : "",
  }
  return has(`chat.system_${key}`) ? t(`chat.system_${key}`, names) : t("chat.system_other")
}

customElements.define("chat-thread", ChatThread)
