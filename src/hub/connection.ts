import type { HubEnvironment } from '../platform/environment.js'
import { withTimeout } from '../platform/timeouts.js'
import { deliverEvent } from '../transport/metadata.js'
import type { OpenTransport, Transport, TransportHandlers } from '../transport/transport.js'
import {
  type HubErrorCode,
  type HubProblem,
  isMetadata,
  type Metadata,
  type Settings,
  type SocketState,
  type Welcome,
} from '../wire/protocol.js'
import { createBackOff } from './back-off.js'
import { createConnectionMachine } from './connection-machine.js'
import { createLiveness } from './liveness.js'
import type { HubLog } from './log.js'

/** An attempt may take this long, credentials included; longer where a tab alone may take nearly as long. */
const ATTEMPT_TIMEOUT_MS = 20_000
/** What is left for the server then. */
const MIN_SERVER_TIME_MS = 10_000
/** The server has this long to answer renewed credentials. */
const RENEWAL_TIMEOUT_MS = 2_500

/** The reason of what `simulate` does. */
export const SIMULATED = 'simulated'

const REFUSAL_MESSAGES = {
  unauthorized: 'the server refuses the credentials',
  'wrong-identity': 'the server knows this browser as somebody else',
}

type AcceptedTab = Extract<Welcome, { ok: true }>

/** What a connection reports to its hub. */
export interface ConnectionHandlers extends Pick<TransportHandlers, 'auth' | 'onEvent' | 'onBadFrame' | 'onPing'> {
  onState(state: SocketState): void
  /** A problem of the whole line; each code once in an outage. */
  onProblem(problem: HubProblem): void
  /** Connected; `recovered` if nothing was missed since the last connection. */
  onUp(recovered: boolean): void
  /** The connection, if there was one, has ended. */
  onDown(): void
  /** The credentials were refused. Gives whether another tab is yet to be asked for others. */
  onRefused(): boolean
  /** No attempt will do with the credentials of the tabs that were asked: refused again and again, or somebody else's. */
  onUnauthorized(): void
  /** The connection has ended, and had held. */
  onHeld(): void
}

export interface ConnectionOptions {
  readonly environment: Pick<HubEnvironment, 'clock' | 'timers' | 'random'>
  readonly settings: Settings
  readonly openTransport: OpenTransport
  readonly log: HubLog
  /** Another hub here has left the connection to others, because the server refused what its tabs gave. */
  readonly wasRefused?: boolean | undefined
  readonly handlers: ConnectionHandlers
}

/** The hub's policy over its transport: when to try again, when to check, and what the tabs are told. */
export function createConnection(options: ConnectionOptions) {
  const { environment, settings, handlers } = options
  const { timers, random } = environment
  const outage = createOutage(handlers.onProblem)
  const machine = createConnectionMachine({
    ...options,
    backOff: createBackOff(settings.socket, random),
    attemptTimeoutMs: Math.max(ATTEMPT_TIMEOUT_MS, settings.authTimeoutMs + MIN_SERVER_TIME_MS),
    onAttempt: () => transport.connect(),
    onExpired() {
      transport.disconnect('keep')
      outage.report('connect-failed', `can't connect to ${settings.url}: the server did not answer`)
    },
    onHeld() {
      outage.end()
      handlers.onHeld()
    },
    onState(state) {
      liveness.changed()
      handlers.onState(state)
    },
  })

  function refused(refusal: Parameters<TransportHandlers['onRefused']>[0]): void {
    handlers.onDown()
    const isAnotherLeft = handlers.onRefused()
    const { reason, isWrongIdentity } = refusal
    machine.refused({ ...refusal, final: refusal.final && !isWrongIdentity && !isAnotherLeft })
    const { name } = machine.shown()
    if (name !== 'wrong-identity' && name !== 'unauthorized') return
    outage.report(name, `${REFUSAL_MESSAGES[name]}: ${reason}`)
    handlers.onUnauthorized()
  }

  const reports: TransportHandlers = {
    ...handlers,
    onAlive: () => liveness.received(),
    onEvent(name, metadata, reserved) {
      liveness.received()
      // Nothing that was read late is taken for a connection that was given up.
      if (machine.isOpen) handlers.onEvent(name, metadata, reserved)
    },
    onUp(recovered) {
      machine.up()
      handlers.onUp(recovered)
    },
    onDown(reason) {
      handlers.onDown()
      machine.lost(reason)
    },
    onAttemptFailed(reason) {
      machine.attemptFailed(reason)
      outage.report('connect-failed', `can't connect to ${settings.url}: ${reason}`)
    },
    onNoCredentials(reason) {
      machine.noCredentials(reason)
      outage.report('auth-failed', reason)
    },
    onRefused: refused,
    onRetryAfter: machine.retryAfter,
  }
  const transport = options.openTransport(settings, reports)

  /** Gives the present connection up for another one. */
  function replace(reason: string): void {
    handlers.onDown()
    if (machine.replace(reason)) transport.reconnect()
    else transport.disconnect('keep')
  }

  const liveness = createLiveness(environment, {
    isConnected: () => machine.isConnected,
    ask: () => transport.probe?.(),
    replace,
    connect: machine.nudge,
  })

  return {
    state: machine.shown,
    flaps: machine.flaps,
    /** What a tab is told that attaches now: also the problems that every other tab was told in the present outage. */
    standing: () => standingOf(machine, outage),
    /** Not before the first tab is attached: the connection asks it for credentials. */
    start(): void {
      if (machine.start()) liveness.start()
    },
    nudge: liveness.nudge,
    renew: createRenewer(machine, transport, timers, (isRefused) => {
      if (isRefused) handlers.onRefused()
      replace(isRefused ? 'the server refused the renewed credentials' : 'to renew the credentials')
    }),
    /** To another process behind the same address. The session is not ended: where the servers share it, it goes on. */
    move(): void {
      if (machine.isConnected) replace('the server asked the connection to move')
    },
    /** The server says that it has let somebody else in: nothing more of it is delivered. */
    refuseIdentity(reason: string): void {
      if (machine.isOpen) transport.disconnect('end')
      if (machine.isOpen) refused({ reason, final: false, isWrongIdentity: true })
    },
    send(event: string, metadata: Metadata): boolean {
      if (machine.isConnected) transport.send?.(event, metadata)
      return transport.send !== undefined // It may only receive.
    },
    /** For what tabs send. */
    speaker: (): Pick<Transport, 'ask' | 'tell'> | undefined => (machine.isConnected ? transport : undefined),
    close(): void {
      machine.close()
      liveness.close()
      transport.close()
    },
    /** Checks the connection, as when a tab becomes visible, so that the next answer has a round-trip time. */
    inspect() {
      if (machine.isConnected) liveness.nudge('visible')
      return { ...machine.inspect(), roundTripMs: liveness.roundTripMs() }
    },
    /** As if the server, or the network, had done it. */
    simulate: createSimulations(machine, transport, reports, replace),
  }
}

/** `onFailed`: only another connection will do. */
function createRenewer(
  machine: ReturnType<typeof createConnectionMachine>,
  transport: Transport,
  { after }: HubEnvironment['timers'],
  onFailed: (isRefused: boolean) => void,
) {
  /** Resolves when the credentials are accepted, or can't be. */
  return async (credentials: Metadata): Promise<'accepted' | 'unavailable' | undefined> => {
    // An attempt that is under way, or yet to come, has asked for its own.
    if (!machine.isConnected) return undefined
    const connection = machine.current()
    const answer = transport.renew?.(credentials)
    const renewed = answer && (await withTimeout(after, RENEWAL_TIMEOUT_MS, answer).catch(() => undefined))
    // Another state is another connection, or none.
    if (machine.current() !== connection) return undefined
    if (renewed === 'accepted' || renewed === 'unavailable') return renewed
    onFailed(renewed === 'refused')
    return undefined
  }
}

function createSimulations(
  machine: ReturnType<typeof createConnectionMachine>,
  transport: Transport,
  { onEvent, onDown, onRefused }: TransportHandlers,
  replace: (reason: string) => void,
) {
  const reason = SIMULATED
  return {
    /** The event has no number: no server's log knows of it. */
    event(name: string, metadata: unknown): void {
      deliverEvent(
        { onEvent: (event, checked, reserved) => onEvent(event, checked, withoutId(reserved)) },
        name,
        metadata,
      )
    },
    drop(): boolean {
      if (!machine.isConnected) return false
      transport.disconnect('keep')
      onDown(reason)
      return true
    },
    reconnect(): boolean {
      if (machine.isConnected) replace(reason)
      // A pause follows a connection that had not held.
      machine.nudge('retry')
      return true
    },
    refusal(): boolean {
      if (!machine.isOpen) return false
      transport.disconnect('end')
      onRefused({ reason, final: false, isWrongIdentity: false })
      return true
    },
  }
}

const withoutId = (reserved: unknown): unknown => (isMetadata(reserved) ? { ...reserved, id: undefined } : reserved)

function standingOf(
  { shown, flaps, isConnected }: ReturnType<typeof createConnectionMachine>,
  { problems }: ReturnType<typeof createOutage>,
): Pick<AcceptedTab, 'socket' | 'flaps' | 'problems'> {
  return { socket: shown(), ...(flaps() > 0 && { flaps: flaps() }), ...(!isConnected && problems()) }
}

/** What the tabs were told since the last connection that held: each problem once. */
function createOutage(onProblem: (problem: HubProblem) => void) {
  const reported = new Map<HubErrorCode, HubProblem>()
  return {
    report(code: HubErrorCode, message: string): void {
      if (reported.has(code)) return
      const problem = { code, message }
      reported.set(code, problem)
      onProblem(problem)
    },
    problems: () => reported.size > 0 && { problems: [...reported.values()] },
    end: () => reported.clear(),
  }
}
