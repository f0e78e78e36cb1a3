/** The few pictures of the interface, drawn with the text's colour. They say nothing by themselves: label the button. */
import { html } from "../vendor/lit-html/lit-html.js"

const drawn = (path) => () =>
  html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false"><path d=${path}></path></svg>`

export const icons = {
  chat: drawn("M4.5 3.5h11a2 2 0 0 1 2 2v6.6a2 2 0 0 1-2 2H9l-4 3v-3h-.5a2 2 0 0 1-2-2V5.5a2 2 0 0 1 2-2z"),
  close: drawn("m5 5 10 10M15 5 5 15"),
  down: drawn("M10 4v11m-4.5-4.5L10 15l4.5-4.5"),
  back: drawn("M12.5 4.5 7 10l5.5 5.5"),
  send: drawn("M3 10 17 3.5 13 17l-3-5.5zM10 11.5 17 3.5"),
  person: drawn("M10 3.2a3.4 3.4 0 1 1 0 6.8 3.4 3.4 0 0 1 0-6.8zM3.6 17c.6-3.6 3.1-5.4 6.4-5.4s5.8 1.8 6.4 5.4"),
  leave: drawn("M8 3.5H4.5v13H8M12.5 6.5 16 10l-3.5 3.5M16 10H8"),
  one: drawn("m4.5 10.5 3.5 3.5 7.5-8"),
  two: drawn("m1.5 10.5 3.5 3.5 7.5-8m-3 6.5 1.5 1.5 7.5-8"),
  wait: drawn("M10 3.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM10 6.5V10l2.5 1.5"),
  alert: drawn("M10 3 18 16.5H2zM10 8v4m0 2.2v.3"),
}
