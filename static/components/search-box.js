/**
 * <search-box><form><input type="search"></form></search-box>: the search field with suggestions below it.
 * find: (text) => Promise<[{label, note?, image?, href}]>. The arrow keys walk, Enter goes there, Escape closes.
 */
const PAUSE_MS = 150

export class SearchBox extends HTMLElement {
  find = async () => []
  #input
  #list
  #timer = null
  #asked = 0
  #chosen = -1

  connectedCallback() {
    this.#input = this.querySelector("input")
    this.#list = document.createElement("div")
    this.#list.className = "search__list"
    this.#list.id = "search-suggestions"
    this.#list.hidden = true
    this.#list.setAttribute("role", "listbox")
    this.#list.setAttribute("aria-label", this.#input.getAttribute("aria-label"))
    this.#input.after(this.#list)
    const roles = { role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": this.#list.id }
    for (const [name, value] of Object.entries(roles)) this.#input.setAttribute(name, value)
    this.#input.addEventListener("input", () => this.#ask())
    this.#input.addEventListener("keydown", (event) => this.#pressed(event))
    this.addEventListener("focusout", ({ relatedTarget }) => this.contains(relatedTarget) || this.#close())
    this.#list.addEventListener("mousedown", (event) => event.preventDefault()) // or the field would lose its focus
  }

  #ask() {
    clearTimeout(this.#timer)
    const text = this.#input.value.trim()
    const asked = ++this.#asked
    if (!text) return this.#close()
    this.#timer = setTimeout(async () => {
      const found = await this.find(text).catch(() => [])
      if (asked === this.#asked) this.#show(found)
    }, PAUSE_MS)
  }

  #show(found) {
    this.#chosen = -1
    this.#input.removeAttribute("aria-activedescendant")
    this.#list.replaceChildren(...found.map((one, index) => option(one, index)))
    this.#open(found.length > 0 && document.activeElement === this.#input)
  }

  #open(open) {
    this.#list.hidden = !open
    this.#input.setAttribute("aria-expanded", String(open))
  }

  #close() {
    this.#asked++
    this.#open(false)
    this.#choose(-1)
  }

  #choose(index) {
    const options = [...this.#list.children]
    this.#chosen = index
    for (const [place, one] of options.entries()) one.setAttribute("aria-selected", String(place === index))
    if (index < 0) return this.#input.removeAttribute("aria-activedescendant")
    this.#input.setAttribute("aria-activedescendant", options[index].id)
    options[index].scrollIntoView({ block: "nearest" })
  }

  #pressed(event) {
    const { length } = this.#list.children
    if (event.key === "Escape" && !this.#list.hidden) {
      event.preventDefault() // or the browser would empty the field
      return this.#close()
    }
    if (event.isComposing || this.#list.hidden) return
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step) {
      event.preventDefault()
      // Between the last and the first stands the field itself.
      this.#choose(((this.#chosen + 1 + step + length + 1) % (length + 1)) - 1)
    } else if (event.key === "Enter" && this.#chosen >= 0) {
      event.preventDefault()
      this.#list.children[this.#chosen].click()
    }
  }
}

function option({ label, note, image, href }, index) {
  const link = document.createElement("a")
  link.className = "search__option"
  link.id = `suggestion-${index}`
  link.href = href
  link.tabIndex = -1
  link.setAttribute("role", "option")
  link.setAttribute("aria-selected", "false")
  if (image) {
    const picture = document.createElement("img")
    Object.assign(picture, { src: image, alt: "", width: 40, height: 40 })
    link.append(picture)
  }
  for (const [name, text] of [["label", label], ["note", note]]) {
    if (!text) continue
    const words = document.createElement("span")
    words.className = `search__${name}`
    words.textContent = text
    link.append(words)
  }
  return link
}

customElements.define("search-box", SearchBox)
