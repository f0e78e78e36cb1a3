/** A product's pictures: several at once, in an order made by buttons or by dragging; the first is the main one. */
import { t } from "../texts.js"
import { html, nothing } from "../../vendor/lit-html/lit-html.js"
import { api, attempt } from "./common.js"

const MOST = 12
const KINDS = "image/jpeg,image/png,image/webp,image/gif"

/** `act(work)` does something with the product: work(match) answers with what it becomes. */
export function pictures({ article, images, thumbnails }, { act }) {
  const arrange = async (from, to) => {
    const order = images.toSpliced(from, 1).toSpliced(to, 0, images[from])
    await act((match) => api.patch(`products/${article}/images`, { images: order }, { match }))
    keepFocus(to)
  }
  const remove = async (at) => {
    const name = images[at].split("/").at(-1)
    await act((match) => api.delete(`products/${article}/images/${name}`, { match }))
    keepFocus(Math.min(at, images.length - 2))
  }
  const add = async ({ target }) => {
    const files = [...target.files]
    target.value = ""
    let product
    for (const file of files)
      if (!(await attempt(async () => (product = await api.upload(`products/${article}/images`, file))))) break
    if (product) await act(() => product)
  }
  return html`<section class="panel block" data-pictures>
    <h3 class="block__title">${t("goods.pictures")}</h3>
    <p class="soft">${t("goods.pictures_lead", { n: MOST })}</p>
    ${
      images.length
        ? html`<ol class="pictures">
            ${thumbnails.map((_, at) => picture(thumbnails, at, arrange, remove))}
          </ol>`
        : nothing
    }
    ${images.length < MOST ? chooser(add) : nothing}
  </section>`
}

const chooser = (add) =>
  html`<div class="actions">
    <label class="button button--quiet button--small file-button"
      ><input
        class="hidden"
        type="file"
        name="pictures"
        accept=${KINDS}
        multiple
        @change=${add}
      />${t("goods.pictures_add")}</label
    >
  </div>`

function picture(thumbnails, at, arrange, remove) {
  const button = (sign, words, work, disabled = false) =>
    html`<button
      class="button button--quiet button--small"
      type="button"
      aria-label=${words}
      title=${words}
      ?disabled=${disabled}
      @click=${work}
    >
      ${sign}
    </button>`
  const drop = (event) => {
    event.preventDefault()
    const from = Number(event.dataTransfer.getData("text/plain"))
    if (Number.isInteger(from) && from !== at && from < thumbnails.length) arrange(from, at)
  }
  const n = at + 1
  return html`<li
    class="pictures__one"
    draggable="true"
    @dragstart=${(event) => event.dataTransfer.setData("text/plain", String(at))}
    @dragover=${(event) => event.preventDefault()}
    @drop=${drop}
  >
    <img src=${thumbnails[at]} alt=${t("goods.picture_number", { n })} width="96" height="96" draggable="false" />
    <span class="actions">
      ${button("←", t("goods.picture_earlier", { n }), () => arrange(at, at - 1), at === 0)}
      ${button("→", t("goods.picture_later", { n }), () => arrange(at, at + 1), n === thumbnails.length)}
      ${button("×", t("goods.picture_remove", { n }), () => remove(at))}
    </span>
  </li>`
}

/** The same place in the order, or what is nearest to it. */
function keepFocus(at) {
  const panel = document.querySelector("[data-pictures]")
  const buttons = panel?.querySelectorAll("li")[at]?.querySelectorAll("button:not([disabled])")
  ;(buttons?.[0] ?? panel?.querySelector("input"))?.focus()
}

/** Pictures that wait until the product is there to have them. */
export const queue = (files, change) =>
  html`<section class="panel block">
    <h3 class="block__title">${t("goods.pictures")}</h3>
    <p class="soft">${t("goods.pictures_lead", { n: MOST })}</p>
    ${
      files.length
        ? html`<ol class="list">
            ${files.map(({ name }) => html`<li>${name}</li>`)}
          </ol>`
        : nothing
    }
    ${chooser(({ target }) => {
      change([...files, ...target.files].slice(0, MOST))
      target.value = ""
    })}
    ${files.length ? html`<button class="link" type="button" @click=${() => change([])}>${t("goods.pictures_clear")}</button>` : nothing}
  </section>`
