/** The owner keeps the staff's accounts: rights in words, who may sign in, and a link for a new password. */
import { t } from "../texts.js"
import { html, nothing } from "../../vendor/lit-html/lit-html.js"
import { api, attempt, confirmed, me, moment, notify, show } from "./common.js"
import { ask, badge, Pages, table } from "./parts.js"

const RIGHTS = [
  "products.edit", "products.publish", "prices", "stock", "promotions", "announcements", "comments", "orders",
  "chats.answer", "chats.assign", "customers.view", "customers.block", "redact", "import", "export", "reports",
] // prettier-ignore

const pages = new Pages(() => api.get("staff?everybody=true"), draw)

function draw() {
  show(
    pages.view(rows, t("people.nothing")),
    html`<button class="button" type="button" @click=${add}>${t("people.add")}</button>`,
  )
}

const rows = (items) =>
  table(items, [
    [
      t("people.name"),
      ({ id, name }) =>
        html`<strong>${name}</strong> ${id === me.id ? html`<span class="soft">${t("people.you")}</span>` : nothing}`,
    ],
    [t("people.role"), ({ role }) => t(`people.role_${role}`)],
    [
      t("people.state"),
      ({ is_active }) => (is_active ? badge(t("people.active"), "good") : badge(t("people.disabled"), "bad")),
      "wide-only",
    ],
    [t("office.actions"), buttons],
  ])

const buttons = (person) => {
  const name = html`<span class="hidden"> ${person.name}</span>`
  return html`<div class="actions">
    <button class="button button--quiet button--small" type="button" @click=${() => edit(person)}>
      ${t("people.edit")}${name}
    </button>
    <button class="button button--quiet button--small" type="button" @click=${() => resetPassword(person)}>
      ${t("people.reset")}${name}
    </button>
  </div>`
}

/** The role, and its rights: the owner has all of them, so that there is nothing to tick. */
const rightsFields = (form, draw, person) => {
  const chosen = person.chosenRole ?? person.role
  const choose = (event) => {
    person.chosenRole = event.target.value
    draw()
  }
  return html`${form.field("role", t("people.role"), {
      type: "select",
      value: person.role,
      choices: ["manager", "owner"].map((role) => [role, t(`people.role_${role}`)]),
      change: choose,
    })}
    <fieldset class="choices" ?hidden=${chosen === "owner"}>
      <legend class="field__label">${t("people.rights")}</legend>
      ${RIGHTS.map(
        (right) =>
          html`<label class="choice"
            ><input type="checkbox" name="allows" value=${right} ?checked=${person.allows.includes(right)} />
            <span>${t(`right.${right}`)}</span></label
          >`,
      )}
    </fieldset>
    <p class="form__lead" ?hidden=${chosen !== "owner"}>${t("people.owner_lead")}</p>`
}

const rightsOf = (elements) => ({
  role: elements.role.value,
  allows:
    elements.role.value === "owner"
      ? []
      : [...elements.allows].filter(({ checked }) => checked).map(({ value }) => value),
})

async function add() {
  const draft = { role: "manager", allows: ["chats.answer"] }
  const made = await ask({
    title: t("people.add"),
    submit: t("people.add_submit"),
    fields: (form, draw) =>
      html`<div class="fields">
          ${form.field("name", t("people.first_name"), { maxlength: 100 })}
          ${form.field("lastname", t("people.last_name"), { maxlength: 100 })}
          ${form.field("username", t("people.username"), { required: true, maxlength: 32, hint: t("people.username_hint") })}
          ${form.field("email", t("people.email"), { type: "email", required: true, maxlength: 254 })}
          ${form.field("password", t("people.password"), { type: "password", required: true, maxlength: 128, hint: t("people.password_hint"), autocomplete: "new-password" })}
        </div>
        ${rightsFields(form, draw, draft)}`,
    work: ({ name, lastname, username, email, password, ...others }) => {
      const words = { name: name.value.trim() || null, lastname: lastname.value.trim() || null }
      const form = {
        ...words,
        username: username.value,
        email: email.value,
        password: password.value,
        ...rightsOf(others),
      }
      return confirmed(() => api.post("staff", form))
    },
  })
  if (made) changed(t("people.done_add", { name: made.username }))
}

async function edit({ uuid }) {
  let seen
  if (!(await attempt(async () => (seen = await api.getTagged(`staff/${uuid}`))))) return
  const person = seen.body
  const made = await ask({
    title: t("people.edit_title", { name: person.name ?? person.username }),
    lead: `${person.username} · ${person.email} · ${t("people.since", { time: moment(person.creation_time) })}`,
    submit: t("office.save"),
    fields: (form, draw) =>
      html`${rightsFields(form, draw, person)}
        <label class="choice"
          ><input type="checkbox" name="is_active" ?checked=${person.is_active} />
          <span>${t("people.may_enter")}</span></label
        >
        <p class="form__lead">${t("people.edit_lead")}</p>`,
    work: (elements) => {
      const changes = { ...rightsOf(elements), is_active: elements.is_active.checked }
      return confirmed(() => api.patch(`staff/${uuid}`, changes, { match: seen.etag }))
    },
  })
  if (made) changed(t("people.done_edit", { name: made.name ?? made.username }))
}

/** The link is told only once: it stays in its dialog until it is closed. */
async function resetPassword({ uuid, name }) {
  let link
  const done = await attempt(async () => {
    const { username } = await api.get(`staff/${uuid}`)
    link = await confirmed(() => api.post("password-resets", { login: username }))
  })
  if (!done || !link) return
  await ask({
    title: t("people.reset_title", { name }),
    lead: t("people.reset_lead", { time: moment(link.until) }),
    submit: t("people.copy"),
    fields: (form) => form.field("link", t("people.link"), { value: link.url }),
    work: async ({ link: input }) => {
      input.select()
      if (!navigator.clipboard) return null // only over HTTPS: then it is copied by hand
      await navigator.clipboard.writeText(input.value)
      notify(t("people.copied"))
      return link
    },
  })
}

function changed(words) {
  notify(words)
  pages.start()
}

pages.start()
