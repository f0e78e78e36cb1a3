/**
 * <quantity-field><input type="number" data-less="One fewer" data-more="One more"></quantity-field>: a number with buttons
 * beside it. Without a script the field is there all the same. Event: change, of the input, also when a button was pressed.
 */
export class QuantityField extends HTMLElement {
  connectedCallback() {
    if (this.querySelector("button")) return
    const input = this.querySelector("input")
    input.before(this.#button(input, "less", "−", -1))
    input.after(this.#button(input, "more", "+", 1))
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !input.name) event.preventDefault() // the field is done, not the form around it
      if (event.key === "Enter" && !input.name) input.dispatchEvent(new Event("change", { bubbles: true }))
    })
  }

  #button(input, name, sign, step) {
    const button = document.createElement("button")
    button.type = "button"
    button.className = "quantity__step"
    button.textContent = sign
    button.id = `${input.id}-${name}`
    button.setAttribute("aria-label", input.dataset[name])
    button.addEventListener("click", () => {
      const wanted = (Number.parseInt(input.value, 10) || 0) + step
      const value = Math.min(Number(input.max), Math.max(Number(input.min), wanted))
      if (String(value) === input.value) return
      input.value = value
      input.dispatchEvent(new Event("change", { bubbles: true }))
    })
    return button
  }
}

customElements.define("quantity-field", QuantityField)
