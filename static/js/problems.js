/** Refusals of forms in the page's language: {text, fields: {name: text}}. Shared by the account form and the staff's. */
import { has, t } from "./texts.js"

/** @param {import("./api.js").ApiError} error */
export function problemOf(error) {
  const fields = {}
  for (const wrong of error.errors ?? []) {
    const name = wrong.pointer.split("/")[1] ?? ""
    if (name) fields[name] ??= wordsFor(name, wrong)
  }
  const known = Object.keys(fields).length > 0
  return { text: known ? "" : refusalOf(error), fields }
}

/** What is wrong with one field, `name` being what it is called; of a new password the same as of any other. */
export function wordsFor(name, { code, detail }) {
  const key = [`error.${name.replace("new_", "")}_${code}`, `error.${code}`].find(has)
  return key ? t(key) : detail
}

/** A refusal as a whole. */
export const refusalOf = ({ code }) => t(has(`error.${code}`) ? `error.${code}` : "error.other")
