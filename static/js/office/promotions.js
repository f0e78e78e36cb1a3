/** Promotions: reductions for some time, of everything or of some products, categories, groups or tags. */
import { t } from "../texts.js"
import { html, nothing } from "../../vendor/lit-html/lit-html.js"
import { api, attempt, minorOf, money, number } from "./common.js"
import { refuse, search } from "./parts.js"
import { planned } from "./planned.js"

const SCOPES = ["all", "products", "categories", "groups", "tags"]

let groups = []
const names = new Map() // of articles and slugs that were seen

const rub = (amount) => money({ amount, currency: "RUB" })
const reduction = ({ kind, value }) => (kind === "percent" ? `−${number(value / 100)} %` : `−${rub(value)}`)
const nameOf = (target) => names.get(target) ?? String(target)

const begin = {
  path: "promotions",
  title: ({ name }) => name,
  about: (item) =>
    html`<p>
        <strong>${reduction(item)}</strong>
        ${t(`promotion.scope_${item.scope}`)}${item.targets.length ? `: ${listed(item.targets)}` : ""}
      </p>
      ${item.description ? html`<p class="prose">${item.description}</p>` : nothing}`,
  add: t("promotion.add"),
  draftOf: (item) => {
    const draft = item ?? {
      name: "",
      description: "",
      kind: "percent",
      value: null,
      scope: "all",
      targets: [],
      priority: 0,
    }
    return { ...draft, targets: new Set(draft.targets), found: [] }
  },
  fields,
  read,
}

const SHOWN = 12
function listed(targets) {
  const words = targets.slice(0, SHOWN).map(nameOf).join(", ")
  return targets.length > SHOWN ? `${words} ${t("promotion.and_more", { n: targets.length - SHOWN })}` : words
}

function fields(form, draw, draft) {
  const set = (name) => (event) => {
    draft[name] = event.target.value
    draw()
  }
  const scope = (event) => {
    draft.targets = new Set()
    set("scope")(event)
  }
  const value = draft.value === null ? "" : String(draft.value / 100)
  return html`${form.field("name", t("promotion.name"), { required: true, maxlength: 200, wide: true, value: draft.name })}
  ${form.field("kind", t("promotion.kind"), {
    type: "select",
    value: draft.kind,
    choices: ["percent", "fixed"].map((kind) => [kind, t(`promotion.kind_${kind}`)]),
    change: set("kind"),
  })}
  ${form.field("value", t(`promotion.value_${draft.kind}`), { required: true, inputmode: "decimal", value })}
  ${form.field("scope", t("promotion.scope"), {
    type: "select",
    value: draft.scope,
    choices: SCOPES.map((one) => [one, t(`promotion.scope_${one}`)]),
    change: scope,
  })}
  ${form.field("priority", t("promotion.priority"), { type: "number", min: -100, max: 100, value: String(draft.priority), hint: t("promotion.priority_hint") })}
  ${targets(form, draw, draft)}
  ${form.field("description", t("promotion.description"), { type: "textarea", maxlength: 5000, wide: true, value: draft.description })}`
}

/** What the scope asks for: products by search, categories and groups by ticking, tags by writing. */
function targets(form, draw, draft) {
  const problem = form.problems.fields.targets
  const words = problem ? html`<p class="field__problem" role="alert">${problem}</p>` : nothing
  if (draft.scope === "all") return nothing
  if (draft.scope === "tags") {
    return form.field("targets", t("promotion.tags"), {
      required: true,
      wide: true,
      value: [...draft.targets].join(", "),
      hint: t("goods.comma"),
    })
  }
  const toggle = (target) => (event) => {
    event.target.checked ? draft.targets.add(target) : draft.targets.delete(target)
    draw()
  }
  const tick = (target) =>
    html`<label class="choice"
      ><input type="checkbox" .checked=${draft.targets.has(target)} @change=${toggle(target)} />
      <span>${nameOf(target)}</span></label
    >`
  if (draft.scope === "groups") {
    return html`<fieldset class="choices field--wide">
      <legend class="field__label">${t("promotion.scope_groups")}</legend>
      ${groups.map(({ slug }) => tick(slug))}${words}
    </fieldset>`
  }
  if (draft.scope === "categories") {
    return html`${groups.map(
      (group) =>
        html`<fieldset class="choices field--wide">
          <legend class="field__label">${group.name}</legend>
          ${group.categories.map(({ slug }) => tick(slug))}
        </fieldset>`,
    )}${words}`
  }
  const find = (q) =>
    attempt(async () => {
      draft.found = q ? (await api.get(`products?${new URLSearchParams({ q, limit: 8 })}`)).items : []
      for (const { article, name } of draft.found) names.set(article, name)
      draw()
    })
  const choices = new Set([...draft.targets, ...draft.found.map(({ article }) => article)])
  return html`<div class="field--wide block">
    ${search(t("promotion.find"), "", find)}
    <fieldset class="choices">
      <legend class="field__label">${t("promotion.chosen", { n: draft.targets.size })}</legend>
      ${[...choices].map(tick)}
    </fieldset>
    ${words}
  </div>`
}

function read({ name, kind, value, priority, description, targets: tags }, draft) {
  const minor = minorOf(value.value) // a percent has two digits after the comma, too
  if (!minor || (kind.value === "percent" && minor > 10_000)) refuse("value", "value")
  const chosen =
    draft.scope === "tags"
      ? tags.value
          .split(",")
          .map((one) => one.trim())
          .filter(Boolean)
      : [...draft.targets]
  if (draft.scope !== "all" && !chosen.length) refuse("targets", "targets")
  return {
    name: name.value,
    description: description.value,
    kind: kind.value,
    value: minor,
    scope: draft.scope,
    targets: chosen,
    priority: Number(priority.value),
  }
}

await attempt(async () => {
  groups = (await api.get("groups")).items
  for (const { slug, name, categories } of groups) {
    names.set(slug, name)
    for (const category of categories) names.set(category.slug, `${category.name} (${name})`)
  }
})
planned(begin)
