/** A new password by a link. Its secret stands behind the #, so that no server on the way gets to see it. */
import { sending, showError } from "../forms.js"
import { api } from "../shop.js"
import { t } from "../texts.js"

const form = document.querySelector("[data-reset-form]")
const done = document.querySelector("[data-done]")
const token = location.hash.slice(1)

form.addEventListener("submit", async (event) => {
  event.preventDefault()
  const isDone = await sending(form, async () => {
    await api.put("password-resets", { token, new_password: form.elements.new_password.value })
    return true
  })
  if (!isDone) return
  history.replaceState(null, "", location.pathname) // used up; it need not stay in the history
  form.hidden = true
  done.hidden = false
  done.focus()
})
if (!token) showError(form, t("profile.reset_missing"))
