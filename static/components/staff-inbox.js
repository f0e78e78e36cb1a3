/**
 * <staff-inbox>: the list of chats with its filters.
 * view: {filter, counts: {queue, mine, all}, rows: [{chat, name, preview, time, waiting_ms, unread, status, assignee, mine}],
 *        selected, more, loading}
 * Events: filter {filter}, choose {chat}, more.
 */
import { html, nothing } from "../vendor/lit-html/lit-html.js"
import { repeat } from "../vendor/lit-html/directives/repeat.js"
import { ViewElement } from "../js/element.js"
import { duration, moment } from "../js/format.js"
import { t } from "../js/texts.js"

const FILTERS = ["queue", "mine", "all", "closed"]
const LATE_MS = 2 * 60_000 // from here on somebody waits for long
const VERY_LATE_MS = 10 * 60_000

export class StaffInbox extends ViewElement {
  template({ filter, counts, rows, selected, more, loading }) {
    return html`
      <div class="filters" role="group" aria-label=${t("staff.filters")}>
        ${FILTERS.map(
          (name) =>
            html`<button
              class="filter"
              type="button"
              aria-pressed=${String(name === filter)}
              data-filter=${name}
              @click=${() => this.emit("filter", { filter: name })}
            >
              ${t(`staff.filter_${name}`)}${counts[name] ? html`<span class="filter__count">${counts[name]}</span>` : nothing}
            </button>`,
        )}
      </div>
      <ul class="inbox" aria-label=${t("staff.inbox")}>
        ${repeat(
          rows,
          (row) => row.chat,
          (row) => this.#row(row, selected),
        )}
      </ul>
      ${rows.length ? nothing : this.#empty(filter, loading)}
      <p class="inbox__more" ?hidden=${!more}>
        <button class="link" type="button" @click=${() => this.emit("more")}>${t("staff.more")}</button>
      </p>
    `
  }

  #row(row, selected) {
    const current = row.chat === selected
    return html`
      <li>
        <button
          class="row ${row.unread ? "row--unread" : ""}"
          type="button"
          data-testid="inbox-row"
          data-chat=${row.chat}
          data-status=${row.status}
          aria-current=${current ? "true" : nothing}
          @click=${() => this.emit("choose", { chat: row.chat })}
        >
          <span class="face face--${row.chat % 6}" aria-hidden="true">${row.name.charAt(0).toUpperCase()}</span>
          <span class="row__words">
            <span class="row__top"
              ><span class="row__name">${row.name}</span><span class="row__time">${moment(row.time)}</span></span
            >
            <span class="row__preview">${row.preview || t("staff.no_preview")}</span>
            <span class="row__foot">${this.#tag(row)}</span>
          </span>
          ${row.unread ? html`<span class="row__dot"><span class="hidden">${t("staff.unread")}</span></span>` : nothing}
        </button>
      </li>
    `
  }

  #tag({ status, waiting_ms, assignee, mine }) {
    if (waiting_ms !== null) {
      const late = waiting_ms >= VERY_LATE_MS ? "tag--very-late" : waiting_ms >= LATE_MS ? "tag--late" : "tag--fresh"
      return html`<span class="tag ${late}">${t("staff.waits", { time: duration(waiting_ms) })}</span
        >${mine || !assignee ? nothing : html`<span class="tag">${assignee}</span>`}`
    }
    if (status === "closed") return html`<span class="tag">${t("staff.status_closed")}</span>`
    return assignee ? html`<span class="tag">${mine ? t("staff.mine") : assignee}</span>` : nothing
  }

  #empty(filter, loading) {
    if (loading) return html`<p class="inbox__empty" role="status">${t("staff.loading")}</p>`
    return html`<div class="inbox__empty">
      <p class="inbox__empty-title">${t(`staff.empty_${filter}`)}</p>
      <p>${t(`staff.empty_${filter}_text`)}</p>
    </div>`
  }
}

customElements.define("staff-inbox", StaffInbox)
