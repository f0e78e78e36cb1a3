/**
 * One connection to the server that comes back by itself: hello, replies, heartbeat, back-off, wake-up.
 * It knows frames and close codes and nothing of chats.
 *
 *   const socket = new Socket({ url: "/ws", hello: (fresh) => ({ resume }), onFrame, onHello, onState, onClosed })
 *   socket.start(); await socket.command("chat.open", {…}); socket.tell("typing", {…}); socket.stop()
 *
 * State: "off", "connecting", "ready" (hello was answered), "waiting" (between attempts), "stopped" (for good).
 */
import { afterClose, backoff, STABLE_MS } from "./backoff.js"

const SILENCE_MS = 40_000 // the server says something every 25 s
const PROBE_MS = 3_000
const REPLY_MS = 15_000
const DISCONNECTED = { code: "disconnected", message: "The connection was lost." }

/** A refusal by the server, or a command whose fate is unknown because the connection went ("disconnected"). */
export class CommandError extends Error {
  constructor({ code, message, ...extra }) {
    super(message ?? code)
    this.code = code
    this.extra = extra
    this.retry_after_ms = extra.retry_after_ms
  }

  /** Whether the same command may succeed if it is simply said again. */
  get passing() {
    return this.retry_after_ms !== undefined || this.code === "disconnected"
  }
}

export class Socket {
  state = "off"
  #options
  #socket = null
  #nextId = 1
  #replies = new Map() // command id → {resolve, reject, timer}
  #queue = [] // commands that wait for a place among those in flight
  #inFlight = 8
  #attempt = 0
  #fresh = false
  #drainMs = null
  #timers = {}

  constructor(options) {
    this.#options = {
      WebSocket: globalThis.WebSocket,
      onFrame() {},
      onHello() {},
      onState() {},
      onClosed() {},
      ...options,
    }
  }

  get ready() {
    return this.state === "ready"
  }

  start() {
    if (this.state !== "off" && this.state !== "stopped") return
    this.#attempt = 0
    this.#connect()
  }

  /** Leave, for good until `start`. */
  stop() {
    this.#drop("off")
  }

  /** Drop the connection and come back at once; without cursors if the person has changed. */
  restart({ fresh = false } = {}) {
    this.#fresh ||= fresh
    this.#drop("waiting")
    this.#connect()
  }

  /** Send a command and wait for its reply's data. Rejects with CommandError. */
  command(type, data) {
    return new Promise((resolve, reject) => {
      if (!this.ready) return reject(new CommandError(DISCONNECTED))
      this.#queue.push({ type, data, resolve, reject })
      this.#sendQueued()
    })
  }

  /** Send a command that has no reply. It is forgotten when there is no connection. */
  tell(type, data) {
    if (this.ready) this.#write({ type, data })
  }

  /** The page is looked at again, or the network is back: find out quickly whether the connection still lives. */
  async wake() {
    if (this.state === "waiting") return this.#connect()
    if (!this.ready) return
    clearTimeout(this.#timers.probe)
    this.#timers.probe = setTimeout(() => this.#closed(1006), PROBE_MS)
    await this.command("ping", { n: 1 }).catch(() => {})
    clearTimeout(this.#timers.probe)
  }

  #connect() {
    clearTimeout(this.#timers.retry)
    this.#become("connecting")
    const { url, WebSocket } = this.#options
    const socket = (this.#socket = new WebSocket(url, "cts.v1"))
    socket.onopen = () => this.#hello(socket)
    socket.onmessage = ({ data }) => socket === this.#socket && this.#receive(JSON.parse(data))
    socket.onclose = ({ code }) => socket === this.#socket && this.#closed(code)
    this.#listen()
  }

  async #hello(socket) {
    const fresh = this.#fresh
    try {
      const data = { protocol: 1, client: "web/1.0", ...this.#options.hello(fresh) }
      const reply = await new Promise((resolve, reject) => this.#ask({ type: "hello", data, resolve, reject }))
      if (socket !== this.#socket) return
      this.#fresh = false
      this.#inFlight = reply.limits?.in_flight ?? this.#inFlight
      this.#timers.stable = setTimeout(() => (this.#attempt = 0), STABLE_MS)
      this.#become("ready") // first, as the listener may have commands at once
      this.#options.onHello(reply, fresh)
    } catch (error) {
      if (socket !== this.#socket) return
      this.#drainMs = error.retry_after_ms ?? null
      if (!(error instanceof CommandError)) this.#closed(1006)
    }
  }

  #receive(frame) {
    this.#listen()
    if (frame.reply_to !== undefined) return this.#answered(frame)
    if (frame.type === "server.draining") this.#drainMs = frame.data?.after_ms ?? null
    this.#options.onFrame(frame)
  }

  #answered({ reply_to, ok, data, error }) {
    const waiting = this.#replies.get(reply_to)
    if (!waiting) return
    this.#replies.delete(reply_to)
    clearTimeout(waiting.timer)
    if (ok) waiting.resolve(data ?? {})
    else waiting.reject(new CommandError(error))
    this.#sendQueued()
  }

  #sendQueued() {
    while (this.#queue.length && this.#replies.size < this.#inFlight) this.#ask(this.#queue.shift())
  }

  #ask({ type, data, resolve, reject }) {
    const id = this.#nextId++
    const timer = setTimeout(() => this.#closed(1006), REPLY_MS) // a server that does not answer is not there
    this.#replies.set(id, { resolve, reject, timer })
    this.#write({ id, type, data })
  }

  #write(frame) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(frame))
  }

  #listen() {
    clearTimeout(this.#timers.silence)
    this.#timers.silence = setTimeout(() => this.#closed(1006), SILENCE_MS)
  }

  /** The connection is over, by a close frame or because we gave it up. */
  #closed(code) {
    const next = afterClose(code)
    this.#drop(next === "stop" ? "stopped" : "waiting")
    this.#options.onClosed(code, next)
    if (this.state !== "waiting") return // the listener stopped or restarted us
    if (next === "fresh") this.#fresh = true
    if (next === "visible" && globalThis.document?.hidden) return // `wake` connects
    const wait = this.#drainMs ?? (next === "fresh" && this.#attempt === 0 ? 0 : backoff(this.#attempt))
    this.#drainMs = null
    this.#attempt++
    this.#timers.retry = setTimeout(() => this.#connect(), wait)
  }

  /** Let go of the socket without waiting for a polite close, which a dead network never answers. */
  #drop(state) {
    for (const timer of Object.values(this.#timers)) clearTimeout(timer)
    const socket = this.#socket
    this.#socket = null
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null
      socket.close(1000)
    }
    const lost = [...this.#replies.values(), ...this.#queue]
    this.#replies.clear()
    this.#queue = []
    this.#nextId = 1
    this.#become(state)
    for (const { reject, timer } of lost) {
      clearTimeout(timer)
      reject(new CommandError(DISCONNECTED))
    }
  }

  #become(state) {
    if (state === this.state) return
    this.state = state
    this.#options.onState(state)
  }
}
