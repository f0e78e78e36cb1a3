/** A product's fields: as the form shows them, as they stand there typed, and as the interface takes them. */
import { html } from "../../vendor/lit-html/lit-html.js"
import { refuse } from "./parts.js"

const OWN = ["brand", "colors", "materials", "sizes"] // specifications with a field of their own
const listOf = (text) =>
  text
    .split(",")
    .map((one) => one.trim())
    .filter(Boolean)

/** The product's fields as the form shows them: lists with commas, further properties a line each. */
export function shown({ name, category, tags, specifications, country_origin, description }) {
  const further = Object.entries(specifications).filter(([key]) => !OWN.includes(key))
  return {
    name,
    category: category.slug,
    tags: tags.join(", "),
    brand: specifications.brand ?? "",
    colors: (specifications.colors ?? []).join(", "),
    materials: (specifications.materials ?? []).join(", "),
    sizes: (specifications.sizes ?? []).join(", "),
    further: further.map(([key, value]) => `${key}: ${[value].flat().join(", ")}`).join("\n"),
    country_origin,
    description: description.replaceAll("\r\n", "\n"), // as a <textarea> has it
  }
}

export const NOTHING = {
  name: "",
  category: { slug: "" },
  tags: [],
  specifications: {},
  country_origin: "",
  description: "",
}
const SPECIFIED = [...OWN, "further"]

/** "season: winter" lines as an object. */
function furtherOf(text) {
  const lines = text.split("\n").filter((line) => line.trim())
  return Object.fromEntries(
    lines.map((line) => {
      const [, key, value] = line.match(/^\s*([a-z][a-z0-9_]{0,31})\s*:\s*(.*\S)\s*$/) ?? refuse("further", "further")
      return [key, value]
    }),
  )
}

/** Typed fields as the interface takes them; `before` are those that were there, to say what is gone. */
export function written(typed, before = {}) {
  const { brand, colors, materials, sizes, further, ...fields } = typed
  const specifications = {}
  if (brand !== undefined) specifications.brand = brand.trim() || null
  for (const [key, text] of Object.entries({ colors, materials, sizes })) {
    if (text !== undefined) specifications[key] = listOf(text)
  }
  if (further !== undefined) {
    for (const key of Object.keys(furtherOf(before.further ?? ""))) specifications[key] = null
    Object.assign(specifications, furtherOf(further))
  }
  if (fields.tags !== undefined) fields.tags = listOf(fields.tags)
  return { ...fields, ...(Object.keys(specifications).length && { specifications }) }
}

/** What stands in the form's fields that a product has. */
export function typedIn(elements) {
  const names = ["name", "category", "tags", ...SPECIFIED, "country_origin", "description"]
  return Object.fromEntries(names.map((name) => [name, elements[name].value]))
}

/** The categories for a <select>, by group. */
export const categoryOptions = (groups, chosen) =>
  groups.map(
    (group) =>
      html`<optgroup label=${group.name}>
        ${group.categories.map(
          ({ slug, name }) => html`<option value=${slug} ?selected=${slug === chosen}>${name}</option>`,
        )}
      </optgroup>`,
  )
