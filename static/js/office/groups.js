/** Groups and their categories: names, pictures, order; what goes hands its products over. */
import { newClientId } from "../outbox.js"
import { t } from "../texts.js"
import { html, nothing } from "../../vendor/lit-html/lit-html.js"
import { api, attempt, notify, show } from "./common.js"
import { ask, Pages } from "./parts.js"

// Each list has its own order, and the categories of a group stand in theirs.
const pages = new Pages(async () => {
  const [groups, categories] = await Promise.all([api.get("groups"), api.get("categories")])
  const inside = (slug) => categories.items.filter(({ group }) => group.slug === slug)
  return { items: groups.items.map((group) => ({ ...group, categories: inside(group.slug) })) }
}, draw)

function draw() {
  show(
    pages.view(
      (groups) =>
        html`<ul class="deeds">
          ${groups.map((group) => groupView(group, groups))}
        </ul>`,
      t("shelf.nothing"),
    ),
    html`<button class="button" type="button" @click=${() => edit("groups", null)}>${t("shelf.add_group")}</button>`,
  )
}

const groupView = (group, groups) =>
  html`<li class="panel block" data-row tabindex="-1">
    ${head("groups", group, groups, html`<h2 class="deed__title">${group.name}</h2>`)}
    ${group.description ? html`<p class="soft prose">${group.description}</p>` : nothing}
    <ul class="shelf">
      ${group.categories.map(
        (category) =>
          html`<li>
            ${head("categories", category, group.categories, html`<h3 class="shelf__name">${category.name}</h3>`)}
          </li>`,
      )}
    </ul>
    <div class="actions">
      <button class="button button--quiet button--small" type="button" @click=${() => edit("categories", null, group)}>
        ${t("shelf.add_category")}<span class="hidden"> ${group.name}</span>
      </button>
    </div>
  </li>`

const head = (path, place, places, title) => {
  const at = places.indexOf(place)
  const button = (words, work, disabled = false, sign = null) =>
    html`<button
      class="button button--quiet button--small"
      type="button"
      data-place="${place.slug}"
      aria-label="${words} ${place.name}"
      ?disabled=${disabled}
      @click=${work}
    >
      ${sign ?? words}
    </button>`
  return html`<div class="shelf__head">
    ${place.image ? html`<img class="thumbnail" src=${place.image} alt="" width="48" height="48" loading="lazy" />` : html`<span class="thumbnail"></span>`}
    ${title}
    <span class="actions">
      ${button(t("shelf.earlier"), () => swap(path, places, at, at - 1), at === 0, "↑")}
      ${button(t("shelf.later"), () => swap(path, places, at, at + 1), at === places.length - 1, "↓")}
      ${button(t("shelf.edit"), () => edit(path, place))} ${button(t("shelf.remove"), () => remove(path, place))}
    </span>
  </div>`
}

/** Change what is there now: its tag stands for all of it. */
async function patch(path, slug, form) {
  const { etag } = await api.getTagged(`${path}/${slug}`)
  return api.patch(`${path}/${slug}`, form, { match: etag })
}

/** Two neighbours change places; where places were equal, all of them are numbered anew. */
const swap = (path, places, from, to) =>
  attempt(async () => {
    const order = places.toSpliced(from, 1).toSpliced(to, 0, places[from])
    for (const [position, { slug, position: before }] of order.entries()) {
      if (before !== position) await patch(path, slug, { position })
    }
    await pages.start()
    document.querySelector(`[data-place="${places[from].slug}"]:not([disabled])`)?.focus()
  })

async function edit(path, place, group = place?.group) {
  const key = newClientId()
  const isCategory = path === "categories"
  let seen = null
  if (place && !(await attempt(async () => (seen = await api.getTagged(`${path}/${place.slug}`))))) return
  const now = seen?.body ?? { name: "", description: "", image: null }
  const done = await ask({
    title: place ? now.name : t(isCategory ? "shelf.add_category" : "shelf.add_group"),
    submit: t("office.save"),
    fields: (form) =>
      html`${form.field("name", t("shelf.name"), { required: true, maxlength: 100, value: now.name })}
        ${
          isCategory
            ? form.field("group", t("shelf.group"), {
                type: "select",
                value: group.slug,
                choices: pages.items.map(({ slug, name }) => [slug, name]),
              })
            : nothing
        }
        ${form.field("description", t("shelf.description"), { type: "textarea", maxlength: 5000, value: now.description })}
        <label class="field"
          ><span class="field__label">${t("shelf.picture")}</span>
          <input class="field__input" type="file" name="image" accept="image/jpeg,image/png,image/webp,image/gif"
        /></label>
        ${
          now.image
            ? html`<label class="choice"
                ><input type="checkbox" name="no_image" /> <span>${t("shelf.no_picture")}</span></label
              >`
            : nothing
        }`,
    work: async (elements) => {
      const { name, description, group: chosen, image, no_image } = elements
      const form = { name: name.value, description: description.value, ...(isCategory && { group: chosen.value }) }
      if (no_image?.checked) form.image = null
      const made = seen
        ? await api.patch(`${path}/${now.slug}`, form, { match: seen.etag })
        : await api.post(path, form, { key })
      if (image.files[0]) await api.upload(`${path}/${made.slug}/image`, image.files[0], { method: "PUT" })
      return made
    },
  })
  if (done) changed(t("shelf.done_save", { name: done.name }))
}

/** What is inside goes elsewhere, where the person says. */
async function remove(path, place) {
  const all = path === "groups" ? pages.items : pages.items.flatMap(({ categories }) => categories)
  const others = all.filter(({ slug }) => slug !== place.slug)
  const nameOf = (one) => (one.group ? `${one.name} (${one.group.name})` : one.name)
  const done = await ask({
    title: t("shelf.remove_title", { name: place.name }),
    lead: t(path === "groups" ? "shelf.remove_group_lead" : "shelf.remove_category_lead"),
    submit: t("shelf.remove"),
    fields: (form) =>
      form.field("move_to", t("shelf.move_to"), {
        type: "select",
        choices: [["", t("shelf.move_nowhere")], ...others.map((one) => [one.slug, nameOf(one)])],
      }),
    work: async ({ move_to }) => {
      const { etag } = await api.getTagged(`${path}/${place.slug}`)
      const query = move_to.value ? `?move_to=${move_to.value}` : ""
      return api.delete(`${path}/${place.slug}${query}`, { match: etag })
    },
  })
  if (done) changed(t("shelf.done_remove", { name: place.name }))
}

function changed(words) {
  notify(words)
  pages.start()
}

pages.start()
