/**
 * The REST interface for pages: JSON in and out, problem+json as an error.
 *   const api = new Api("shop"); await api.post("session", { login, password })
 */

/** A refusal: `code` is the contract, `errors` says what is wrong with which field: [{pointer, code, detail}]. */
export class ApiError extends Error {
  constructor(status, { code = "internal", detail = "", title = "", errors = [] } = {}) {
    super(detail || title || code)
    this.status = status
    this.code = code
    this.errors = errors
  }
}

export class Api {
  #headers

  /** @param {"shop" | "staff"} audience whose cookie counts */
  constructor(audience) {
    this.#headers = audience === "staff" ? { "CTS-Audience": "staff" } : {}
  }

  get(path) {
    return this.#ask("GET", path)
  }

  post(path, body = {}) {
    return this.#ask("POST", path, body)
  }

  delete(path) {
    return this.#ask("DELETE", path)
  }

  async #ask(method, path, body) {
    const headers = { ...this.#headers, Accept: "application/json" }
    if (body !== undefined) headers["Content-Type"] = "application/json"
    let response
    try {
      response = await fetch(`/api/v1/${path}`, { method, headers, body: body && JSON.stringify(body) })
    } catch {
      throw new ApiError(0, { code: "disconnected" })
    }
    const answer = await response.json().catch(() => ({}))
    if (!response.ok) throw new ApiError(response.status, answer)
    return answer
  }
}
