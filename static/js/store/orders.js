/** One's orders: taking one back. */
import { sending } from "../forms.js"
import { newClientId } from "../outbox.js"
import { refresh, say } from "../parts.js"
import { api } from "../shop.js"
import { t } from "../texts.js"

let key = null // of a cancellation that was not yet answered

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-cancel]")
  if (!form) return
  event.preventDefault()
  const { order } = form.closest("[data-order]").dataset
  const done = await sending(form, () => {
    key ??= newClientId()
    return api.post(`orders/${order}/cancellation`, { reason: form.elements.reason.value.trim() }, { key })
  })
  key = null
  if (done) say(t("order.cancelled"))
  await refresh("order")
})
