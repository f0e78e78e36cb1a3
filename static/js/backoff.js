/** When to connect again, and how: the rules of ws/PROTOCOL.md as plain functions. */

const LONGEST_MS = 20_000
const FIRST_MS = 500
export const STABLE_MS = 30_000 // a connection that lived this long starts the count anew

/** Milliseconds to wait before attempt n (0, 1, 2 …): anywhere below a ceiling that doubles, so that clients spread. */
export function backoff(attempt, random = Math.random) {
  return random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10))
}

/**
 * What a close code asks for:
 *   again    back off, then resume          fresh    at once and without resume: the cursors are another person's or epoch's
 *   visible  once the page is looked at     stop     never by itself
 */
export function afterClose(code) {
  if (code === 4110) return "visible"
  if (code >= 4400 || [1002, 1007, 1009].includes(code)) return "stop"
  if (code >= 4200 && code < 4300) return "fresh"
  return "again" // 41xx, 1012, 1006, and 1000 or 1001 when it was not us who left
}
