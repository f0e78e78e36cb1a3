/** What is there for some time, exact to the clock: the list and form that promotions and announcements share. */
import { newClientId } from "../outbox.js"
import { t } from "../texts.js"
import { html, nothing } from "../../vendor/lit-html/lit-html.js"
import { api, attempt, moment, notify, show } from "./common.js"
import { ask, badge, filter, filtersOf, keepFilters, Pages, queryOf } from "./parts.js"

const PERIODS = ["all", "active", "planned", "ended"]
const MOODS = { active: "good", planned: "warn", ended: "" }
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone

/** A moment as <input type="datetime-local"> writes it, by the clock of the browser. */
function localOf(time) {
  const date = new Date(time)
  return new Date(date - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

const stateOf = ({ starts_at, ends_at }, now = Date.now()) =>
  Date.parse(ends_at) <= now ? "ended" : Date.parse(starts_at) > now ? "planned" : "active"

/**
 * A section of such things.
 *   path: of the interface; title(item), about(item): how one is shown; name: the beginning of its texts
 *   fields(form, draw, draft): what the form has beside the period; read(elements, draft): that as the interface takes it
 *   draftOf(item | null): what the fields begin with
 */
export function planned({ path, title, about, add, fields, read, draftOf }) {
  const filters = { period: "all" }
  if (PERIODS.includes(filtersOf("period").period)) filters.period = filtersOf("period").period
  const pages = new Pages((cursor) => api.get(`${path}?${queryOf({ ...filters, cursor })}`), draw)

  function choose(period) {
    filters.period = period
    keepFilters(filters)
    pages.start()
  }

  function draw() {
    show(
      html`<div class="bar">
          ${filter(
            t("planned.which"),
            filters.period,
            PERIODS.map((period) => [period, t(`planned.period_${period}`)]),
            choose,
          )}
        </div>
        ${pages.view(
          (items) =>
            html`<ul class="deeds">
              ${items.map(row)}
            </ul>`,
          t("planned.nothing"),
        )}`,
      html`<button class="button" type="button" @click=${() => edit(null)}>${add}</button>`,
    )
  }

  const row = (item) => {
    const state = stateOf(item)
    const button = (words, work) =>
      html`<button class="button button--quiet button--small" type="button" @click=${work}>
        ${words}<span class="hidden"> ${title(item)}</span>
      </button>`
    return html`<li class="panel block" data-row tabindex="-1">
      <div class="block__top">
        <h2 class="deed__title">${title(item)}</h2>
        ${badge(t(`planned.state_${state}`), MOODS[state])}
      </div>
      <p class="soft">${t("planned.from_to", { from: moment(item.starts_at), to: moment(item.ends_at) })}</p>
      ${about(item)}
      <div class="actions">
        ${button(t("planned.edit"), () => edit(item))}
        ${state === "active" ? button(t("planned.end"), () => endNow(item)) : nothing}
        ${button(t("planned.remove"), () => remove(item))}
      </div>
    </li>`
  }

  async function edit(item) {
    const draft = draftOf(item)
    const key = newClientId()
    let seen = item
    const done = await ask({
      title: item ? title(item) : add,
      lead: t("planned.zone", { zone: ZONE }),
      submit: item ? t("office.save") : add,
      fields: (form, redraw) =>
        html`<div class="fields">
          ${fields(form, redraw, draft)}
          ${form.field("starts_at", t("planned.starts"), { type: "datetime-local", required: true, value: localOf(item?.starts_at ?? Date.now()) })}
          ${form.field("ends_at", t("planned.ends"), { type: "datetime-local", required: true, value: item ? localOf(item.ends_at) : "" })}
        </div>`,
      work: async (elements) => {
        const { starts_at, ends_at } = elements
        const form = { ...read(elements, draft) }
        // A moment may be more exact than the field that shows it: only what was changed is sent.
        if (!item || starts_at.value !== localOf(item.starts_at))
          form.starts_at = new Date(starts_at.value).toISOString()
        if (!item || ends_at.value !== localOf(item.ends_at)) form.ends_at = new Date(ends_at.value).toISOString()
        if (!item) return api.post(path, form, { key })
        try {
          return await api.patch(`${path}/${item.id}`, form, { match: `"${seen.version}"` })
        } catch (error) {
          if (error.code === "stale") seen = await api.get(`${path}/${item.id}`) // saved again, it is meant
          throw error
        }
      },
    })
    if (done) changed(t("planned.done_save", { name: title(done) }))
  }

  const endNow = (item) =>
    attempt(async () => {
      const form = { ends_at: new Date().toISOString() }
      await api.patch(`${path}/${item.id}`, form, { match: `"${item.version}"` })
      changed(t("planned.done_end", { name: title(item) }))
    })

  async function remove(item) {
    const done = await ask({
      title: t("planned.remove_title", { name: title(item) }),
      lead: t("planned.remove_lead"),
      submit: t("planned.remove"),
      work: () => api.delete(`${path}/${item.id}`, { match: `"${item.version}"` }),
    })
    if (done) changed(t("planned.done_remove", { name: title(item) }))
  }

  function changed(words) {
    notify(words)
    pages.start()
  }

  pages.start()
}
