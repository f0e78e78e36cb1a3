/** Refusals of forms in the page's language: {text, fields: {name: text}}. Shared by the account form and the staff's. */
import { has, t } from "./texts.js"

/** @param {import("./api.js").ApiError} error */
export function problemOf(error) {
  const fields = {}
  for (const { pointer, code, detail } of error.errors ?? []) {
    const name = pointer.split("/")[1] ?? ""
    const key = [`error.${name}_${code}`, `error.${code}`].find(has)
    if (name) fields[name] ??= key ? t(key) : detail
  }
  const known = Object.keys(fields).length > 0
  return { text: known ? "" : t(has(`error.${error.code}`) ? `error.${error.code}` : "error.other"), fields }
}
