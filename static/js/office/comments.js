/** The customers' comments: those that wait, the oldest first; approved, hidden, and answered. */
import { t } from "../texts.js"
import { html, nothing } from "../../vendor/lit-html/lit-html.js"
import { api, attempt, moment, notify, show } from "./common.js"
import { ask, badge, filter, filtersOf, keepFilters, Pages, queryOf } from "./parts.js"

const STATUSES = ["pending", "approved", "hidden"]
const MOODS = { pending: "warn", approved: "good", hidden: "bad" }

const filters = { status: "pending" }
if (STATUSES.includes(filtersOf("status").status)) filters.status = filtersOf("status").status
const pages = new Pages((cursor) => api.get(`comments?${queryOf({ ...filters, cursor })}`), draw)

function choose(status) {
  filters.status = status
  keepFilters(filters)
  pages.start()
}

function draw() {
  show(
    html`<div class="bar">
        ${filter(
          t("moderation.which"),
          filters.status,
          STATUSES.map((status) => [status, t(`moderation.which_${status}`)]),
          choose,
        )}
      </div>
      ${pages.view(
        (items) =>
          html`<ol class="deeds">
            ${items.map(comment)}
          </ol>`,
        filters.status === "pending" ? t("moderation.nothing_waits") : t("moderation.nothing"),
      )}`,
  )
}

const comment = (item) =>
  html`<li class="panel block" data-row data-comment=${item.id} tabindex="-1">
    <div class="block__top">
      <p>
        <strong>${item.author.name ?? t("moderation.gone")}</strong>
        <span class="soft"> · <time datetime=${item.creation_time}>${moment(item.creation_time)}</time></span>
      </p>
      <p>
        ${item.verified_purchase ? badge(t("moderation.verified"), "good") : nothing}
        ${badge(t(`moderation.status_${item.status}`), MOODS[item.status])}
      </p>
    </div>
    <p>
      <a href="/products/${item.product.article}">${item.product.name}</a> ·
      <span aria-hidden="true" class="stars">${"★".repeat(item.rating)}${"☆".repeat(5 - item.rating)}</span>
      <span class="hidden">${t("moderation.stars", { n: item.rating })}</span>
    </p>
    ${item.text ? html`<p class="prose">${item.text}</p>` : html`<p class="soft">${t("moderation.no_text")}</p>`}
    ${
      item.photos.length
        ? html`<ul class="pictures">
            ${item.photos.map(
              ({ image, thumbnail }, at) =>
                html`<li>
                  <a href=${image}
                    ><img
                      src=${thumbnail}
                      alt=${t("moderation.photo", { n: at + 1 })}
                      width="96"
                      height="96"
                      loading="lazy"
                  /></a>
                </li>`,
            )}
          </ul>`
        : nothing
    }
    ${
      item.reply
        ? html`<blockquote class="reply">
            <p class="soft">
              ${t("moderation.reply_by", { name: item.reply.author ?? t("moderation.shop"), time: moment(item.reply.time) })}
            </p>
            <p class="prose">${item.reply.text}</p>
          </blockquote>`
        : nothing
    }
    <div class="actions">
      ${item.status === "approved" ? nothing : button(item, t("moderation.approve"), () => decide(item, "approved"), false)}
      ${item.status === "hidden" ? nothing : button(item, t("moderation.hide"), () => hide(item))}
      ${button(item, t(item.reply ? "moderation.edit_reply" : "moderation.reply"), () => reply(item))}
      ${item.reply ? button(item, t("moderation.remove_reply"), () => removeReply(item)) : nothing}
    </div>
  </li>`

const button = ({ author, product }, words, work, quiet = true) =>
  html`<button class="button button--small ${quiet ? "button--quiet" : ""}" type="button" @click=${work}>
    ${words}<span class="hidden">: ${author.name}, ${product.name}</span>
  </button>`

const match = ({ version }) => ({ match: `"${version}"` })

/** Change one; if its author was faster, what it says now has to be read first. */
async function change(item, work, words) {
  try {
    became(item, await work())
    notify(words)
  } catch (error) {
    if (error.code !== "stale") throw error
    pages.replace(item, await api.get(`comments/${item.id}`))
    notify(t("moderation.stale"), { bad: true })
  }
}

/** It stays where it is, or leaves a list that it no longer belongs to; the focus goes to what follows. */
function became(item, now) {
  const at = pages.items.indexOf(item)
  const stays = now.status === filters.status
  pages.replace(item, stays ? now : null)
  const next = document.querySelectorAll("[data-row]")[Math.min(at, pages.items.length - 1)]
  if (!stays) (next ?? document.querySelector("#main")).focus()
}

const decide = (item, status, reason) =>
  attempt(() =>
    change(
      item,
      () => api.patch(`comments/${item.id}`, { status, ...(reason && { reason }) }, match(item)),
      t(`moderation.done_${status}`),
    ),
  )

async function hide(item) {
  const given = await ask({
    title: t("moderation.hide_title"),
    lead: t("moderation.hide_lead"),
    submit: t("moderation.hide"),
    fields: (form) => form.field("reason", t("moderation.reason"), { maxlength: 200 }),
    work: ({ reason }) => ({ reason: reason.value }),
  })
  if (given) await decide(item, "hidden", given.reason)
}

async function reply(item) {
  const answered = await ask({
    title: t("moderation.reply_title", { name: item.author.name ?? t("moderation.gone") }),
    lead: item.text,
    submit: t("moderation.reply"),
    fields: (form) =>
      form.field("text", t("moderation.answer"), {
        type: "textarea",
        required: true,
        maxlength: 2000,
        value: item.reply?.text ?? "",
      }),
    work: ({ text }) => api.put(`comments/${item.id}/reply`, { text: text.value }, match(item)),
  })
  if (!answered) return
  became(item, answered)
  notify(t("moderation.done_reply"))
}

const removeReply = (item) =>
  attempt(() => change(item, () => api.delete(`comments/${item.id}/reply`, match(item)), t("moderation.done_remove_reply")))

pages.start()
