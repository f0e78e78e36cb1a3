/** The words of the page's language: `t("chat.send")`, `t("chat.unread", { n: 3 })` with the plural forms of the language. */

export const language = document.documentElement.lang
const plurals = new Intl.PluralRules(language)
const answer = await fetch(document.querySelector('meta[name="cts-texts"]').content)
const catalogue = await answer.json()

export function t(key, values = {}) {
  let text = catalogue[key] ?? key
  if (typeof text === "object") text = text[plurals.select(values.n)] ?? text.other ?? text.many
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole)
}

/** Whether there are words for this, for codes that come from the server. */
export const has = (key) => key in catalogue
