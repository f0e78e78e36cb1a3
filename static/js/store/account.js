/** The account: one's own data, picture, password, devices, and its end. */
import { sending, valuesOf } from "../forms.js"
import { refresh, say } from "../parts.js"
import { refusalOf, wordsFor } from "../problems.js"
import { api, leave, left } from "../shop.js"
import { t } from "../texts.js"

const forms = {
  profile: async (form) => {
    const values = [...new FormData(form)].map(([name, value]) => [name, value || null]) // null clears
    await api.patch("users/me", Object.fromEntries(values))
    say(t("profile.saved"))
    await refresh("account")
  },
  password: async (form) => {
    const { old_password, new_password } = valuesOf(form)
    await api.put("users/me/password", { old_password, new_password })
    form.reset()
    say(t("profile.password_changed"))
    await refresh("account")
  },
  delete: async (form) => {
    await api.post("session/confirmation", { password: form.elements.password.value })
    await api.delete("users/me")
    await left()
    location.assign("/")
  },
}

const buttons = {
  clear: async ({ clear }) => {
    await api.patch("users/me", { [clear]: null })
    say(t("profile.saved"))
    await refresh("account")
    document.querySelector(`#field-${clear}`)?.focus()
  },
  avatarOff: async () => {
    await api.delete("users/me/avatar")
    await refresh("account")
  },
  signOut: leave,
  signOutAll: async () => {
    await api.delete("session/all")
    await left()
  },
}

async function setAvatar(input) {
  const problem = input.closest("[data-field]").querySelector("[data-problem]")
  problem.textContent = ""
  if (!input.files.length) return
  try {
    await api.upload("users/me/avatar", input.files[0], { method: "PUT" })
    say(t("profile.saved"))
    await refresh("account")
  } catch (error) {
    if (typeof error.code !== "string") throw error
    problem.textContent = error.errors[0] ? wordsFor("file", error.errors[0]) : refusalOf(error)
  }
}

document.addEventListener("submit", (event) => {
  const name = Object.keys(forms).find((one) => one in event.target.dataset)
  if (!name) return
  event.preventDefault()
  sending(event.target, () => forms[name](event.target))
})
document.addEventListener("click", async ({ target }) => {
  const name = Object.keys(buttons).find((one) => target.matches("button") && one in target.dataset)
  if (!name) return
  try {
    await buttons[name](target.dataset)
  } catch (error) {
    if (typeof error.code !== "string") throw error
    say(refusalOf(error))
  }
})
document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-avatar]")) setAvatar(target)
})
