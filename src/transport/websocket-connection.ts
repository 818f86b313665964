import type { HubEnvironment, WebSocketSlice } from '../platform/environment.js'
import type { Metadata } from '../wire/protocol.js'
import { createDeadline } from './deadline.js'
import type { EnvelopeReader } from './envelope.js'
import {
  AUTH_EVENT,
  type AuthAnswer,
  createQuestions,
  type Frame,
  isAuthAnswer,
  PING_EVENT,
  readFrame,
  takeFrame,
  writeFrame,
} from './frames.js'
import { createEndings, type OneConnection, type OneConnectionHandlers } from './one-connection.js'

/** The server may take this long to open a connection, and again to answer the credentials. */
const WEBSOCKET_HANDSHAKE_TIMEOUT_MS = 10_000
const PONG_TIMEOUT_MS = 10_000
/** With more than that on its way, the connection is busy. */
const MAX_WAITING_BYTES = 16_384
/** Close codes by which a server refuses: the credentials; for good. Any other code may be an accident, 1013 (try again later) as well. */
const REFUSAL_CODES: Readonly<Record<number, { readonly final: boolean }>> = {
  4401: { final: false },
  4403: { final: true },
}

export interface WebSocketConnectionOptions {
  readonly socket: WebSocketSlice
  readonly timers: HubEnvironment['timers']
  /** Longer frames are not read. */
  readonly maxCharacters: number
  /** When the server has sent nothing for this long, it is pinged. */
  readonly pingAfterMs: number
  /** False: the server knows nothing of Partyline. It is sent nothing, and the connection is up once it is open. */
  readonly hasHandshake: boolean
  /** How the server puts events into others. */
  readonly envelope: EnvelopeReader | undefined
  /** Without a handshake: the server sends something at least this often. Infinite: nobody knows. */
  readonly maxSilenceMs: number
  readonly handlers: OneConnectionHandlers
}

type WebSocketConnectionState =
  /** `authenticating`: a tab is asked for credentials, or the server has yet to accept them. */
  | { readonly name: 'opening' | 'authenticating' | 'over' }
  /** Accepted. */
  | { readonly name: 'up'; readonly questions: ReturnType<typeof createQuestions> }

/** One connection, from its opening to its end. */
export function createWebSocketConnection(options: WebSocketConnectionOptions): OneConnection {
  const { socket, timers, maxCharacters, pingAfterMs, hasHandshake, envelope, maxSilenceMs, handlers } = options
  let state: WebSocketConnectionState = { name: 'opening' }
  const deadline = createDeadline(timers)

  // A function: the compiler would take `state` for unchanged across calls.
  const isOver = () => state.name === 'over'

  function close(): string {
    const { name } = state
    state = { name: 'over' }
    deadline.cancel()
    socket.close()
    return name
  }
  const { lose, refuse, noCredentials } = createEndings(handlers, close)

  function send(event: string, metadata?: unknown, more?: Partial<Frame>): void {
    if (!isOver()) socket.send(writeFrame({ event, ...(metadata !== undefined && { metadata }), ...more }))
  }

  function ping(): void {
    send(PING_EVENT)
    deadline.set(PONG_TIMEOUT_MS, () => lose('the server did not answer'))
  }

  function enterUp(): void {
    state = { name: 'up', questions: createQuestions(timers) }
    handlers.onUp()
  }

  /** The server has sent something: from here on it may be silent for so long. */
  function watchSilence(): void {
    if (hasHandshake) deadline.set(pingAfterMs, ping)
    else if (Number.isFinite(maxSilenceMs)) deadline.set(maxSilenceMs, () => lose('the server was silent for too long'))
    else deadline.cancel()
  }

  async function authenticate(): Promise<void> {
    state = { name: 'authenticating' }
    deadline.cancel()
    try {
      const credentials = await handlers.auth()
      if (isOver()) return
      send(AUTH_EVENT, credentials ?? {})
      deadline.set(WEBSOCKET_HANDSHAKE_TIMEOUT_MS, () => lose('the server did not answer the credentials'))
    } catch (thrown) {
      noCredentials(thrown)
    }
  }

  /** The server's answer to credentials, the first ones or renewed ones. */
  function takeAuthAnswer(answer: AuthAnswer): void {
    const { ok, message } = answer
    if (state.name === 'up' && state.questions.renewed(answer)) return
    if (ok !== true) refuse(message, answer)
    else if (state.name !== 'up') enterUp()
  }

  const own = hasHandshake
    ? {
        take(word: Metadata): boolean {
          if (!isAuthAnswer(word)) return false
          takeAuthAnswer(word)
          return true
        },
        pong: () => void (state.name === 'up' && state.questions.pong()),
        answer: (said: Metadata) => void (state.name === 'up' && state.questions.answer(said)),
      }
    : undefined

  socket.binaryType = 'arraybuffer'
  deadline.set(WEBSOCKET_HANDSHAKE_TIMEOUT_MS, () => lose('the server did not open the connection'))
  socket.onopen = () => {
    if (isOver()) return
    if (hasHandshake) return void authenticate()
    watchSilence()
    enterUp()
  }
  socket.onmessage = ({ data }) => {
    if (isOver()) return
    deadline.received()
    handlers.onAlive()
    takeFrame(readFrame(data, maxCharacters, envelope), handlers, own)
    if (state.name === 'up') watchSilence()
  }
  // It says nothing that `onclose` does not; but Node throws an error that nobody listens to.
  socket.onerror = () => undefined
  socket.onclose = ({ code, reason }) => {
    if (isOver()) return
    const refusal = REFUSAL_CODES[code]
    if (refusal) refuse(reason, refusal)
    else lose(reason || `the connection was closed (${code})`)
  }

  return {
    probe() {
      if (state.name !== 'up') return new Promise(() => undefined)
      send(PING_EVENT)
      return state.questions.probe()
    },
    renew(credentials) {
      if (state.name !== 'up') return new Promise(() => undefined)
      send(AUTH_EVENT, credentials)
      return state.questions.renew()
    },
    send(event, metadata) {
      if (state.name === 'up') send(event, metadata)
    },
    async ask(event, data, timeoutMs) {
      if (state.name !== 'up') throw new Error('not connected')
      return state.questions.request(timeoutMs, (request) => send(event, data, { request }))
    },
    tell(event, data) {
      if (state.name === 'up' && socket.bufferedAmount < MAX_WAITING_BYTES) send(event, data)
    },
    close,
  }
}
