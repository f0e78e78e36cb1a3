/**
 * The REST interface for pages: JSON in and out, problem+json as an error.
 *   const api = new Api("shop"); await api.post("session", { login, password })
 *   await api.patch("products/12", { name }, { match: etag })    what was seen, for If-Match
 *   await api.post("orders", order, { key: newClientId() })      an Idempotency-Key: sent again, it is done once
 *   await api.upload("uploads", file)                            a file as a form
 */

/** A refusal: `code` is the contract, `errors` says what is wrong with which field: [{pointer, code, detail}]. */
export class ApiError extends Error {
  /** @param {object} problem the whole answer, with what this refusal has beside the usual members */
  constructor(status, problem) {
    const { code = "internal", detail = "", title = "", errors = [] } = problem
    super(detail || title || code)
    this.status = status
    this.code = code
    this.errors = errors
    this.problem = problem
  }
}

export class Api {
  #headers

  /** @param {"shop" | "staff"} audience whose cookie counts */
  constructor(audience) {
    this.#headers = audience === "staff" ? { "CTS-Audience": "staff" } : {}
  }

  async get(path) {
    return (await this.#ask("GET", path)).body
  }

  /** The same with the ETag, which a change of it sends back: {body, etag}. */
  getTagged(path) {
    return this.#ask("GET", path)
  }

  /** What is not JSON, such as a table to keep: a Blob of that type. */
  async getFile(path, type) {
    return (await this.#fetch("GET", path, undefined, { Accept: type })).blob()
  }

  async post(path, body = {}, options) {
    return (await this.#ask("POST", path, body, options)).body
  }

  async put(path, body = {}, options) {
    return (await this.#ask("PUT", path, body, options)).body
  }

  async patch(path, body, options) {
    return (await this.#ask("PATCH", path, body, options)).body
  }

  async delete(path, options) {
    return (await this.#ask("DELETE", path, undefined, options)).body
  }

  async upload(path, file, { method = "POST", ...options } = {}) {
    const form = new FormData()
    form.append("file", file)
    return (await this.#ask(method, path, form, options)).body
  }

  async #ask(method, path, body, { match, key } = {}) {
    const headers = { Accept: "application/json" }
    const isForm = body instanceof FormData // whose type has a boundary in it, which only the browser knows
    if (body !== undefined && !isForm) headers["Content-Type"] = "application/json"
    if (match) headers["If-Match"] = match
    if (key) headers["Idempotency-Key"] = key
    const response = await this.#fetch(
      method,
      path,
      body === undefined || isForm ? body : JSON.stringify(body),
      headers,
    )
    return { body: await response.json().catch(() => ({})), etag: response.headers.get("ETag") }
  }

  async #fetch(method, path, body, headers) {
    let response
    try {
      response = await fetch(`/api/v1/${path}`, { method, headers: { ...this.#headers, ...headers }, body })
    } catch {
      throw new ApiError(0, { code: "disconnected" })
    }
    if (!response.ok) throw new ApiError(response.status, await response.json().catch(() => ({})))
    return response
  }
}
