import type { HubEnvironment, WebSocketSlice } from '../platform/environment.js'
import { afterSilence } from '../platform/timeouts.js'
import { messageOf } from '../util/errors.js'
import { type Metadata, RESERVED } from '../wire/protocol.js'
import { deliverWalkedEvent, isPlainJson } from './metadata.js'
import { type RenewalOutcome, readRefusal, readRenewalAnswer, type TransportHandlers } from './transport.js'

/** The server may take this long to open a connection, and again to answer the credentials. */
const WEBSOCKET_HANDSHAKE_TIMEOUT_MS = 10_000
const PONG_TIMEOUT_MS = 10_000
/** Close codes by which a server refuses: the credentials; for good. Any other code may be an accident, 1013 (try again later) as well. */
const REFUSAL_CODES: Readonly<Record<number, { readonly final: boolean }>> = {
  4401: { final: false },
  4403: { final: true },
}

const AUTH_EVENT = `${RESERVED}:auth`
const PING_EVENT = `${RESERVED}:ping`
const PONG_EVENT = `${RESERVED}:pong`

/** A message of the plain WebSocket wire, either way. See docs/protocol.md. */
export interface Frame {
  readonly event: string
  /** Whatever was sent: plain and not too deep, maybe no object. */
  readonly metadata?: unknown
  /** Its metadata is nested too deep: something has changed, and it is unknown what. */
  readonly isTooDeep?: true
}

/** Why a frame can't be read; of a kind, so that a flood of them can be counted and reported as one. */
export type BadFrame = 'is not text' | 'is too large' | 'is no JSON' | 'has no event' | 'is nested too deep'

/** What one connection reports. Each of the last three ends it, and comes at most once. */
export interface WebSocketConnectionHandlers
  extends Pick<TransportHandlers, 'auth' | 'onEvent' | 'onAlive' | 'onRefused'> {
  /** The server accepted the credentials. */
  onUp(): void
  onBadFrame(kind: BadFrame): void
  /** `wasUp`: the credentials had been accepted. */
  onLost(reason: string, wasUp: boolean): void
  onNoCredentials(reason: string): void
}

export interface WebSocketConnectionOptions {
  readonly socket: WebSocketSlice
  readonly timers: HubEnvironment['timers']
  /** Longer frames are not read. */
  readonly maxCharacters: number
  /** When the server has sent nothing for this long, it is pinged. */
  readonly pingAfterMs: number
  readonly handlers: WebSocketConnectionHandlers
}

export interface WebSocketConnection {
  probe(): Promise<void>
  renew(credentials: Metadata): Promise<RenewalOutcome>
  send(event: string, metadata: Metadata): void
  /** Ends it without a report. */
  close(): void
}

type WebSocketConnectionState =
  | { readonly name: 'opening' }
  /** Open: a tab is asked for credentials, or the server has yet to accept them. */
  | { readonly name: 'authenticating' }
  /** Accepted. The resolvers of the probes and renewals that the server has not answered. */
  | {
      readonly name: 'up'
      readonly probes: Set<() => void>
      readonly renewals: ((answer: RenewalOutcome) => void)[]
    }
  | { readonly name: 'over' }

/** One connection, from its opening to its end. */
export function createWebSocketConnection(options: WebSocketConnectionOptions): WebSocketConnection {
  const { socket, timers, maxCharacters, pingAfterMs, handlers } = options
  let state: WebSocketConnectionState = { name: 'opening' }
  const deadline = createDeadline(timers)

  // A function: the compiler would take `state` for unchanged across calls.
  const isOver = () => state.name === 'over'

  function close(): void {
    state = { name: 'over' }
    deadline.cancel()
    socket.close()
  }

  function lose(reason: string): void {
    const wasUp = state.name === 'up'
    close()
    handlers.onLost(reason, wasUp)
  }

  function refuse(message: unknown, said: unknown): void {
    const reason = typeof message === 'string' && message !== '' ? message : 'the server refused the credentials'
    const wasUp = state.name === 'up'
    const refusal = readRefusal(reason, said)
    close()
    if (refusal) handlers.onRefused(refusal)
    else handlers.onLost(reason, wasUp)
  }

  function send(event: string, metadata?: Metadata): void {
    if (!isOver()) socket.send(writeFrame({ event, ...(metadata && { metadata }) }))
  }

  function ping(): void {
    send(PING_EVENT)
    deadline.set(PONG_TIMEOUT_MS, () => lose('the server did not answer'))
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
      if (isOver()) return
      close()
      handlers.onNoCredentials(messageOf(thrown))
    }
  }

  /** The server's answer to credentials, the first ones or renewed ones. */
  function takeAuthAnswer(answer: AuthAnswer): void {
    const { ok, message } = answer
    const renewal = state.name === 'up' ? state.renewals.shift() : undefined
    if (renewal) renewal(readRenewalAnswer(answer))
    else if (ok !== true) refuse(message, answer)
    else if (state.name !== 'up') {
      state = { name: 'up', probes: new Set(), renewals: [] }
      handlers.onUp()
    }
  }

  function takeFrame(data: unknown): void {
    const frame = readFrame(data, maxCharacters)
    if (typeof frame === 'string') {
      handlers.onBadFrame(frame)
      return
    }
    const { event, metadata } = frame
    if ('isTooDeep' in frame) handlers.onEvent(event, null)
    else if (event === RESERVED && isAuthAnswer(metadata)) takeAuthAnswer(metadata)
    else if (event === PONG_EVENT) answerProbes(state)
    // Reserved events that this version does not know are for newer clients.
    else if (event === RESERVED || !event.startsWith(`${RESERVED}:`)) deliverWalkedEvent(handlers, event, metadata)
  }

  socket.binaryType = 'arraybuffer'
  deadline.set(WEBSOCKET_HANDSHAKE_TIMEOUT_MS, () => lose('the server did not open the connection'))
  socket.onopen = () => {
    if (!isOver()) void authenticate()
  }
  socket.onmessage = ({ data }) => {
    if (isOver()) return
    deadline.received()
    handlers.onAlive()
    takeFrame(data)
    if (state.name === 'up') deadline.set(pingAfterMs, ping)
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
    probe: () =>
      new Promise((resolve) => {
        if (state.name !== 'up') return
        state.probes.add(resolve)
        send(PING_EVENT)
      }),
    renew: (credentials) =>
      new Promise((resolve) => {
        if (state.name !== 'up') return
        state.renewals.push(resolve)
        send(AUTH_EVENT, credentials)
      }),
    send(event, metadata) {
      if (state.name === 'up') send(event, metadata)
    },
    close,
  }
}

function answerProbes(state: WebSocketConnectionState): void {
  if (state.name !== 'up') return
  for (const resolve of state.probes) resolve()
  state.probes.clear()
}

/** Calls back when nothing was received for so long; the next one replaces it. */
function createDeadline(timers: HubEnvironment['timers']) {
  let received = 0
  let cancel = (): void => undefined
  return {
    set(ms: number, onPassed: () => void): void {
      cancel()
      cancel = afterSilence({ timers }, () => received, ms, onPassed)
    },
    /** The server has sent something. */
    received(): void {
      received++
    },
    cancel: () => cancel(),
  }
}

/** Reads a frame, and walks its metadata. */
export function readFrame(data: unknown, maxCharacters: number): Frame | BadFrame {
  if (typeof data !== 'string') return 'is not text'
  if (data.length > maxCharacters) return 'is too large'
  let value: unknown
  try {
    value = JSON.parse(data)
  } catch {
    return 'is no JSON'
  }
  const { event, metadata } = (value ?? {}) as Partial<Frame>
  if (typeof event !== 'string' || event === '') return 'has no event'
  if (!isPlainJson(metadata)) return event.startsWith(RESERVED) ? 'is nested too deep' : { event, isTooDeep: true }
  return metadata === undefined || metadata === null ? { event } : { event, metadata }
}

const writeFrame = (frame: Frame): string => JSON.stringify(frame)

interface AuthAnswer {
  readonly ok?: unknown
  readonly message?: unknown
}

/** A server message about a topic has `ok` as well, but says nothing of the connection. */
const isAuthAnswer = (metadata: unknown): metadata is AuthAnswer =>
  typeof metadata === 'object' && metadata !== null && 'ok' in metadata && !('topic' in metadata)
