/** One's own account: name, picture, password, and the devices that are signed in. */
import { t } from "../texts.js"
import { html, nothing } from "../../vendor/lit-html/lit-html.js"
import { api, attempt, moment, notify, refusalOf, show } from "./common.js"
import { badge, failed, Form, loading } from "./parts.js"

const profile = new Form(draw)
const password = new Form(draw)

let person = null
let devices = []
let problem = ""

async function load() {
  problem = ""
  draw()
  try {
    const [own, list] = await Promise.all([api.get("staff/me"), api.get("session/all")])
    ;[person, devices] = [own, list.items]
  } catch (error) {
    problem = refusalOf(error).text
  }
  draw()
}

function draw() {
  if (!person) return show(problem ? failed(problem, load) : loading())
  show(html`<div class="columns">${about()} ${picture()} ${passwordForm()} ${deviceList()}</div>`)
}

const about = () =>
  html`<section class="panel block">
    <h2 class="block__title">${t("own.about")}</h2>
    <p class="soft">${person.username} · ${person.email} · ${t(`people.role_${person.role}`)}</p>
    <form class="form" @submit=${saveProfile}>
      ${profile.alert}
      ${profile.field("name", t("people.first_name"), { value: person.name ?? "", maxlength: 100, autocomplete: "given-name" })}
      ${profile.field("lastname", t("people.last_name"), { value: person.lastname ?? "", maxlength: 100, autocomplete: "family-name" })}
      ${profile.field("sex", t("own.sex"), {
        type: "select",
        value: person.sex ?? "",
        choices: [
          ["", t("own.sex_none")],
          ["female", t("own.sex_female")],
          ["male", t("own.sex_male")],
        ],
      })}
      <div class="actions">
        <button class="button" type="submit" ?disabled=${profile.busy}>${t("office.save")}</button>
      </div>
    </form>
    ${
      person.role === "owner"
        ? nothing
        : html`<h3>${t("own.rights")}</h3>
            <ul class="list">
              ${person.allows.map((right) => html`<li>${t(`right.${right}`)}</li>`)}
            </ul>`
    }
  </section>`

const saveProfile = async (event) => {
  const done = await profile.send(event, async ({ name, lastname, sex }) => {
    const form = { name: name.value.trim() || null, lastname: lastname.value.trim() || null, sex: sex.value || null }
    person = await api.patch("staff/me", form)
  })
  if (done) notify(t("own.saved"))
}

const picture = () =>
  html`<section class="panel block">
    <h2 class="block__title">${t("own.picture")}</h2>
    ${
      person.image
        ? html`<img class="portrait" src=${person.image} alt=${t("own.picture")} width="128" height="128" />`
        : html`<p class="soft">${t("own.no_picture")}</p>`
    }
    <div class="actions">
      <label class="button button--quiet file-button"
        ><input
          class="hidden"
          type="file"
          accept="image/jpeg,image/png,image/webp,image/gif"
          @change=${setPicture}
        />${t("own.choose_picture")}</label
      >
      ${
        person.image
          ? html`<button class="button button--quiet" type="button" @click=${removePicture}>
              ${t("own.remove_picture")}
            </button>`
          : nothing
      }
    </div>
  </section>`

async function setPicture({ target }) {
  const [file] = target.files
  if (!file) return
  const done = await attempt(async () => (person = await api.upload("staff/me/avatar", file, { method: "PUT" })))
  target.value = ""
  draw()
  if (done) notify(t("own.saved"))
}

const removePicture = () =>
  attempt(async () => {
    await api.delete("staff/me/avatar")
    person = { ...person, image: null }
    draw()
    notify(t("own.saved"))
  })

const passwordForm = () =>
  html`<section class="panel block">
    <h2 class="block__title">${t("own.password")}</h2>
    <form class="form" @submit=${savePassword}>
      ${password.alert}
      ${password.field("old_password", t("own.old_password"), { type: "password", required: true, maxlength: 128, autocomplete: "current-password" })}
      ${password.field("new_password", t("own.new_password"), { type: "password", required: true, maxlength: 128, hint: t("people.password_hint"), autocomplete: "new-password" })}
      <p class="soft">${t("own.password_lead")}</p>
      <div class="actions">
        <button class="button" type="submit" ?disabled=${password.busy}>${t("own.change_password")}</button>
      </div>
    </form>
  </section>`

async function savePassword(event) {
  const form = event.target
  const done = await password.send(event, ({ old_password, new_password }) =>
    api.put("staff/me/password", { old_password: old_password.value, new_password: new_password.value }),
  )
  if (!done) return
  form.reset()
  notify(t("own.password_done"))
  load()
}

const deviceList = () =>
  html`<section class="panel block">
    <h2 class="block__title">${t("own.devices")}</h2>
    <ul class="list">
      ${devices.map(
        (device) =>
          html`<li>
            ${t("own.device", { time: moment(device.last_seen_time), begun: moment(device.creation_time) })}
            ${device.is_current ? badge(t("own.this_device"), "good") : nothing}
          </li>`,
      )}
    </ul>
    <div class="actions">
      <button class="button button--quiet" type="button" @click=${leaveAll}>${t("own.leave_all")}</button>
    </div>
  </section>`

const leaveAll = () =>
  attempt(async () => {
    await api.delete("session/all")
    location.assign("/staff")
  })

load()
