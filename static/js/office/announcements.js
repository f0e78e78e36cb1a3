/** What the shop tells everybody for some time: holidays, events. */
import { t } from "../texts.js"
import { html, nothing } from "../../vendor/lit-html/lit-html.js"
import { planned } from "./planned.js"

planned({
  path: "announcements",
  title: ({ title }) => title,
  about: ({ text }) => (text ? html`<p class="prose">${text}</p>` : nothing),
  add: t("announcement.add"),
  draftOf: (item) => item ?? { title: "", text: "" },
  fields: (form, _, draft) =>
    html`${form.field("title", t("announcement.title"), { required: true, maxlength: 200, wide: true, value: draft.title })}
    ${form.field("text", t("announcement.text"), { type: "textarea", maxlength: 5000, wide: true, value: draft.text })}`,
  read: ({ title, text }) => ({ title: title.value, text: text.value }),
})
