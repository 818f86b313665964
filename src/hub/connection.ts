import type { HubEnvironment } from '../platform/environment.js'
import { withTimeout } from '../platform/timeouts.js'
import type { OpenTransport, TransportHandlers } from '../transport/transport.js'
import type { HubErrorCode, Metadata, Settings, SocketState } from '../wire/protocol.js'
import { createLiveness } from './liveness.js'

/** How often refused credentials are replaced by fresh ones before the hub gives up. */
const MAX_REFUSALS = 3
/** A connection that held for this long was accepted: refusals are counted from 0 again. */
const MIN_ACCEPTED_MS = 10_000
const MIN_BACKOFF_MS = 500
const MAX_BACKOFF_MS = 30_000
/** The server has this long to answer renewed credentials. */
const RENEWAL_TIMEOUT_MS = 2_500

/** What a connection reports to its hub. */
export interface ConnectionHandlers extends Pick<TransportHandlers, 'auth' | 'onEvent' | 'onBadFrame'> {
  onState(state: SocketState): void
  onProblem(code: HubErrorCode, message: string): void
  /** Connected; `recovered` if nothing was missed since the last connection. */
  onUp(recovered: boolean): void
  /** The connection, if there was one, has ended. */
  onDown(): void
  /** The credentials were refused: the next ones should come from another tab. */
  onRefused(): void
}

export interface ConnectionOptions {
  readonly environment: Pick<HubEnvironment, 'clock' | 'timers' | 'random'>
  readonly settings: Settings
  readonly openTransport: OpenTransport
  readonly handlers: ConnectionHandlers
}

type ConnectionState =
  | { readonly name: 'idle' }
  /** The transport tries, with pauses of its own. The reason is that of the last failure. */
  | { readonly name: 'connecting'; readonly reason?: string }
  | { readonly name: 'connected'; readonly since: number }
  /** The next attempt is the hub's to make: the credentials were refused, or no tab gave any. */
  | { readonly name: 'waiting'; readonly reason: string; cancel(): void }
  /** Refused more often than is worth trying. A nudge makes one more attempt. */
  | { readonly name: 'unauthorized'; readonly reason: string }
  | { readonly name: 'closed' }

/** The hub's policy over its transport: when to try again, when to give up, when to check. */
export function createConnection({ environment, settings, openTransport, handlers }: ConnectionOptions) {
  const { clock, timers } = environment
  let refusals = 0
  let failures = 0
  /** A failure was reported since the last connection. */
  let isReported = false

  const machine = createConnectionMachine(environment, {
    onState(state) {
      liveness.changed()
      handlers.onState(state)
    },
    onRetry: () => transport.connect(),
  })

  function report(code: HubErrorCode, message: string): void {
    if (!isReported) handlers.onProblem(code, message)
    isReported = true
  }

  /** At the end of a connection: one that held was accepted. */
  function forgetRefusals(): void {
    const { state } = machine
    if (state.name === 'connected' && clock.now() - state.since >= MIN_ACCEPTED_MS) refusals = 0
  }

  function reconnect(reason: string): void {
    handlers.onDown()
    machine.enter({ name: 'connecting', reason })
    transport.reconnect()
  }

  const transport = openTransport(settings, {
    ...handlers,
    onAlive: () => liveness.received(),
    onEvent(name, metadata, reserved) {
      liveness.received()
      handlers.onEvent(name, metadata, reserved)
    },
    onUp(recovered) {
      failures = 0
      isReported = false
      machine.enter({ name: 'connected', since: clock.now() })
      handlers.onUp(recovered)
    },
    onDown(reason) {
      forgetRefusals()
      handlers.onDown()
      machine.enter({ name: 'connecting', reason })
    },
    onTrouble(reason) {
      machine.enter({ name: 'connecting', reason })
      report('connect-failed', `can't connect to ${settings.url}: ${reason}`)
    },
    onNoCredentials(reason) {
      machine.wait(reason, failures++)
      report('auth-failed', reason)
    },
    onRefused(reason) {
      forgetRefusals()
      handlers.onDown()
      handlers.onRefused()
      if (refusals < MAX_REFUSALS) return machine.wait(reason, refusals++)
      machine.enter({ name: 'unauthorized', reason })
      handlers.onProblem('unauthorized', `the server refused the connection ${refusals + 1} times: ${reason}`)
    },
  })

  const liveness = createLiveness(environment, {
    isConnected: () => machine.state.name === 'connected',
    ask: () => transport.probe?.(),
    replace: reconnect,
    connect() {
      // The refusals are kept: after `unauthorized` this is one more attempt with fresh credentials, not a whole round of them.
      const { state } = machine
      if (state.name === 'unauthorized') machine.enter({ name: 'connecting', reason: state.reason })
      else if (state.name === 'waiting') machine.set({ name: 'connecting', reason: state.reason })
      transport.reconnect()
    },
  })

  return {
    state: machine.socketState,
    /** Not before the first tab is attached: the connection asks it for credentials. */
    start(): void {
      if (machine.state.name !== 'idle') return
      machine.set({ name: 'connecting' })
      liveness.start()
      transport.connect()
    },
    nudge: liveness.nudge,
    /** Resolves when the credentials are accepted, or can't be. */
    async renew(credentials: Metadata): Promise<void> {
      const { state } = machine
      // An attempt that is under way, or yet to come, has asked for its own.
      if (state.name !== 'connected') return
      const answer = transport.renew?.(credentials)
      const renewed = answer && (await withTimeout(timers.after, RENEWAL_TIMEOUT_MS, answer).catch(() => undefined))
      // Another state is another connection, or none.
      if (renewed === 'accepted' || machine.state !== state) return
      if (renewed) handlers.onRefused()
      reconnect(renewed ? 'the server refused the renewed credentials' : 'to renew the credentials')
    },
    /** To another process behind the same address. The session is not ended: where the servers share it, it goes on. */
    move(): void {
      if (machine.state.name === 'connected') reconnect('the server asked the connection to move')
    },
    send(event: string, metadata: Metadata): void {
      if (machine.state.name === 'connected') transport.send?.(event, metadata)
    },
    close(): void {
      machine.set({ name: 'closed' })
      liveness.close()
      transport.close()
    },
  }
}

interface ConnectionMachineHandlers {
  onState(state: SocketState): void
  /** The hub's own wait is over. */
  onRetry(): void
}

/** The state of a connection, and how it changes. */
function createConnectionMachine(
  { timers, random }: Pick<HubEnvironment, 'timers' | 'random'>,
  { onState, onRetry }: ConnectionMachineHandlers,
) {
  let state: ConnectionState = { name: 'idle' }
  let wasEverConnected = false

  /** For the tabs nothing changes. */
  function set(next: ConnectionState): void {
    if (state.name === 'waiting') state.cancel()
    wasEverConnected ||= next.name === 'connected'
    state = next
  }

  /** Before the first connection a tab sees `connecting`, after it `disconnected`. */
  function socketState(): SocketState {
    if (state.name === 'connected') return { name: 'connected' }
    if (state.name === 'unauthorized') return state
    const reason = 'reason' in state ? state.reason : undefined
    if (reason === undefined) return { name: 'connecting' }
    return { name: wasEverConnected ? 'disconnected' : 'connecting', reason }
  }

  function enter(next: ConnectionState): void {
    set(next)
    onState(socketState())
  }

  return {
    get state() {
      return state
    },
    socketState,
    set,
    enter,
    /** Full jitter: of all the browsers that were refused in the same instant, no two come back together. */
    wait(reason: string, attempt: number): void {
      const delay = random() * Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** attempt)
      const retry = () => {
        set({ name: 'connecting', reason })
        onRetry()
      }
      enter({ name: 'waiting', reason, cancel: timers.after(delay, retry) })
    },
  }
}
