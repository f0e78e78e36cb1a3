/** Products by the file: taken in, first as a rehearsal, with a report by line; and given out. */
import { newClientId } from "../outbox.js"
import { has, t } from "../texts.js"
import { html, nothing } from "../../vendor/lit-html/lit-html.js"
import { api, attempt, confirmed, download, may, moment, notify, number, show, wordFor } from "./common.js"
import { badge, Form, Pages, queryOf, table } from "./parts.js"

const POLL_MS = 1000
const MOODS = { waiting: "warn", running: "warn", done: "good", failed: "bad" }
const TYPES = { csv: "text/csv", ndjson: "application/x-ndjson" }

const form = new Form(draw)
const jobs = new Pages((before) => api.get(`imports?${queryOf({ before, limit: 10 })}`), draw)
const files = new Map() // job → the file that was rehearsed, to take it in without choosing it again
let report = null // {job, pages} of refused rows

const isUnderWay = ({ status }) => status === "waiting" || status === "running"

function draw() {
  show(
    html`<div class="columns">${may("import") ? taking() : nothing} ${may("export") ? giving() : nothing}</div>
      ${
        may("import")
          ? html`<section class="block imports">
              <h2 class="block__title">${t("import.jobs")}</h2>
              ${jobs.view(
                (items) =>
                  html`<ul class="deeds">
                    ${items.map(job)}
                  </ul>`,
                t("import.nothing"),
              )}
            </section>`
          : nothing
      }`,
  )
}

// --- in ----------------------------------------------------------------------------------------------------------------

const taking = () =>
  html`<section class="panel block">
    <h2 class="block__title">${t("import.take")}</h2>
    <p class="soft">${t("import.take_lead")}</p>
    <form class="form" data-take @submit=${take}>
      ${form.alert}
      <label class="field"
        ><span class="field__label">${t("import.file")}</span>
        <input class="field__input" name="file" type="file" accept=".csv,.txt,.ndjson,.jsonl" required
      /></label>
      <label class="choice"
        ><input type="checkbox" name="rehearsal" checked /> <span>${t("import.rehearsal")}</span></label
      >
      <div class="actions">
        <button class="button" type="submit" ?disabled=${form.busy}>
          ${form.busy ? t("import.sending") : t("import.start")}
        </button>
      </div>
    </form>
  </section>`

async function take(event) {
  const element = event.target
  const done = await form.send(event, ({ file, rehearsal }) => begin(file.files[0], rehearsal.checked))
  if (done) element.reset()
}

async function begin(file, isRehearsal) {
  const made = await api.upload(`imports?dry_run=${isRehearsal}`, file, { key: newClientId() })
  if (isRehearsal) files.set(made.id, file)
  await jobs.start()
  follow()
}

let following = null

/** Ask how far the jobs are that are under way, until none is. */
function follow() {
  clearTimeout(following)
  const waiting = (jobs.items ?? []).filter(isUnderWay)
  if (!waiting.length) return
  following = setTimeout(async () => {
    await attempt(async () => {
      for (const one of waiting) jobs.replace(one, await api.get(`imports/${one.id}`))
    })
    follow()
  }, POLL_MS)
}

const job = (item) =>
  html`<li class="panel block" data-row data-job=${item.id} tabindex="-1">
    <div class="block__top">
      <h3 class="deed__title">${item.file_name}</h3>
      <p>
        ${item.dry_run ? badge(t("import.dry")) : nothing}
        ${badge(t(`import.status_${item.status}`), item.problem ? "bad" : MOODS[item.status])}
      </p>
    </div>
    <p class="soft"><time datetime=${item.creation_time}>${moment(item.creation_time)}</time></p>
    ${
      isUnderWay(item)
        ? html`<progress
            class="progress"
            max=${Math.max(item.bytes_total, 1)}
            value=${item.bytes_done}
            aria-label=${t("import.progress")}
          ></progress>`
        : nothing
    }
    ${item.problem ? html`<p class="notice notice--bad">${wordFor(`import.problem_${item.problem}`, item.problem)}</p>` : nothing}
    <p>
      ${["rows", "added", "changed", "unchanged", "refused"].map(
        (name) => html`<span class="count">${t(`import.${name}`)}: <strong>${number(item[name])}</strong></span> `,
      )}
    </p>
    <div class="actions">
      ${item.refused || item.problem ? button(item, t("import.report"), () => openReport(item)) : nothing}
      ${item.status === "done" && files.has(item.id) ? button(item, t("import.really"), () => takeReally(item)) : nothing}
      ${isUnderWay(item) ? button(item, t("import.cancel"), () => cancel(item)) : nothing}
    </div>
    ${report?.job === item.id ? report.pages.view(refusals, t("import.report_nothing")) : nothing}
  </li>`

const button = ({ file_name }, words, work) =>
  html`<button class="button button--quiet button--small" type="button" @click=${work}>
    ${words}<span class="hidden"> ${file_name}</span>
  </button>`

const takeReally = (item) =>
  attempt(async () => {
    await begin(files.get(item.id), false)
    files.delete(item.id)
    notify(t("import.begun", { name: item.file_name }))
    draw()
  })

const cancel = (item) => attempt(async () => jobs.replace(item, await api.post(`imports/${item.id}/cancellation`)))

function openReport({ id }) {
  const isOpen = report?.job === id
  report = isOpen
    ? null
    : { job: id, pages: new Pages((after) => api.get(`imports/${id}/errors?${queryOf({ after, limit: 50 })}`), draw) }
  report ? report.pages.start() : draw()
}

const refusals = (items) =>
  table(
    items,
    [
      [t("import.line"), ({ line }) => number(line), "number"],
      [t("import.article"), ({ article }) => article ?? "—", "number wide-only"],
      [
        t("import.wrong"),
        ({ errors }) =>
          html`<ul class="list">
            ${errors.map((one) => html`<li>${wrong(one)}</li>`)}
          </ul>`,
      ],
    ],
    { label: t("import.report") },
  )

function wrong({ pointer, code, detail }) {
  const name = pointer.split("/")[1] ?? ""
  const words = has(`import.code_${code}`) ? t(`import.code_${code}`) : detail
  return name ? html`<strong>${wordFor(`history.field_${name}`, name)}</strong>: ${words}` : words
}

// --- out ---------------------------------------------------------------------------------------------------------------

const giving = () =>
  html`<section class="panel block">
    <h2 class="block__title">${t("import.give")}</h2>
    <p class="soft">${t("import.give_lead")}</p>
    <div class="actions">
      ${Object.keys(TYPES).map(
        (format) =>
          html`<button class="button button--quiet" type="button" @click=${() => give(format)}>
            ${t(`import.give_${format}`)}
          </button>`,
      )}
    </div>
  </section>`

const give = (format) =>
  attempt(() => confirmed(() => download(`exports/products?format=${format}`, TYPES[format], `products.${format}`)))

draw()
if (may("import")) jobs.start().then(follow)
