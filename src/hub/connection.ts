import type { HubEnvironment } from '../platform/environment.js'
import type { OpenTransport, TransportHandlers } from '../transport/transport.js'
import type { HubErrorCode, Nudge, Settings, SocketState } from '../wire/protocol.js'
import { createProbe } from './probe.js'

/** How often refused credentials are replaced by fresh ones before the hub gives up. */
const REFUSALS = 3
/** A connection that held for this long (ms) was accepted: refusals are counted anew. */
const ACCEPTED = 10_000
const BACKOFF = { first: 500, most: 30_000 }
/** Tabs tell of `online` and `visible` all at once, and of `visible` often: one look at the connection is enough for each of these spans (ms). */
const PAUSE: Record<Nudge, number> = { online: 1_000, visible: 5_000, wake: 1_000 }
/** How long (ms) the server may take to answer over a connection that is up. */
const ANSWER = 2_500
/**
 * The machine is looked at this often (ms). A look that comes late by `dozed` may mean a short sleep: the connection is
 * probed. By `slept`, the server has given it up. (A hidden leader's timers run once a minute; that is no sleep.)
 */
const LOOK = 5_000
const LATE = { dozed: 10_000, slept: 90_000 }

export interface ConnectionHandlers extends Pick<TransportHandlers, 'auth' | 'onEvent' | 'onBadFrame'> {
  onState(state: SocketState): void
  onProblem(code: HubErrorCode, message: string): void
  /** Connected; `recovered` if nothing was missed since the last connection. */
  onUp(recovered: boolean): void
  /** It was, and is no more. */
  onDown(): void
  /** The credentials were refused: the next ones should come from elsewhere. */
  onRefused(): void
}

/** The hub's policy over its transport: when to try again, when to give up, when to look. */
export function createConnection(
  open: OpenTransport,
  settings: Settings,
  environment: HubEnvironment,
  handlers: ConnectionHandlers,
) {
  const { clock, timers, random } = environment
  let state: SocketState = { name: 'connecting' }
  /** How often it was connected. */
  let ups = 0
  let upSince = 0
  let refusals = 0
  let failures = 0
  let nudged = Number.NEGATIVE_INFINITY
  let complained = false
  let waiting: (() => void) | undefined
  let looking: (() => void) | undefined
  let lastly: (() => void) | undefined

  const enter = (next: SocketState) => {
    probe.end()
    state = next
    handlers.onState(next)
  }
  const complain = (code: HubErrorCode, message: string) => {
    if (!complained) handlers.onProblem(code, message)
    complained = true
  }
  /** Before the first connection one is on the way, after it one is on the way back. */
  const enterTrying = (reason: string) => enter({ name: ups > 0 ? 'disconnected' : 'connecting', reason })

  /** At the end of a connection: one that held was accepted. */
  const settle = () => {
    if (state.name === 'connected' && clock.now() - upSince >= ACCEPTED) refusals = 0
  }

  /** Full jitter: of all the browsers that were refused in the same instant, no two come back together. */
  const tryLater = (attempt: number) => {
    waiting?.()
    waiting = timers.after(random() * Math.min(BACKOFF.most, BACKOFF.first * 2 ** attempt), () => {
      waiting = undefined
      transport.connect()
    })
  }

  const probe = createProbe(
    environment,
    () => transport.probe?.(),
    () => again('the server did not answer'),
  )
  const transport = open(settings, {
    auth: handlers.auth,
    onEvent(name, metadata) {
      probe.heard()
      handlers.onEvent(name, metadata)
    },
    onBadFrame: handlers.onBadFrame,
    onUp(recovered) {
      ups++
      upSince = clock.now()
      failures = 0
      complained = false
      enter({ name: 'connected' })
      handlers.onUp(recovered)
    },
    onDown(reason) {
      settle()
      handlers.onDown()
      enterTrying(reason)
    },
    onTrouble(reason) {
      enterTrying(reason)
      complain('connect-failed', `can't connect to ${settings.url}: ${reason}`)
    },
    onNoCredentials(reason) {
      enterTrying(reason)
      complain('auth-failed', reason)
      tryLater(failures++)
    },
    onRefused(reason) {
      settle()
      handlers.onDown()
      handlers.onRefused()
      if (refusals < REFUSALS) {
        enterTrying(reason)
        tryLater(refusals++)
        return
      }
      enter({ name: 'unauthorized', reason })
      handlers.onProblem('unauthorized', `the server refused the connection ${refusals + 1} times: ${reason}`)
    },
  })

  /** Timers sleep with the machine, and a socket that slept is dead more often than not. */
  const look = () => {
    const due = clock.now() + LOOK
    looking = timers.after(LOOK, () => {
      const late = clock.now() - due
      if (late > LATE.slept) nudge('wake')
      else if (late > LATE.dozed) nudge('online')
      look()
    })
  }

  /** The answer, or undefined when none came in time. */
  function within<T>(answer: Promise<T> | undefined): Promise<{ readonly answer: T } | undefined> {
    return new Promise((resolve) => {
      const stop = timers.after(ANSWER, () => resolve(undefined))
      answer?.then(
        (given) => {
          stop()
          resolve({ answer: given })
        },
        () => undefined,
      )
    })
  }

  function again(reason: string): void {
    handlers.onDown()
    enterTrying(reason)
    transport.reconnect()
  }

  /** Resolves when they are accepted, or can't be. */
  async function renew(credentials: Readonly<Record<string, unknown>>): Promise<void> {
    // An attempt that is under way, or yet to come, has asked for its own.
    if (state.name !== 'connected') return
    const asked = ups
    const renewed = transport.renew && (await within(transport.renew(credentials)))
    if (renewed?.answer === 'accepted' || ups !== asked || state.name !== 'connected') return
    if (renewed) handlers.onRefused()
    again(renewed ? 'the server refused the renewed credentials' : 'to renew the credentials')
  }

  function settleDown(): void {
    lastly = undefined
    if (state.name === 'connected') probe.begin()
  }

  function nudge(why: Nudge): void {
    const now = clock.now()
    const connected = state.name === 'connected'
    const due = nudged + (connected ? PAUSE[why] : PAUSE.online) - now
    if (due > 0) {
      // Networks change in quick succession, and the last change counts.
      if (why === 'online') lastly ??= timers.after(due, settleDown)
      return
    }
    nudged = now
    if (connected && why !== 'wake') {
      probe.begin()
      return
    }
    waiting?.()
    waiting = undefined
    // One more try with fresh credentials, not a whole round of them.
    if (state.name === 'unauthorized') {
      refusals = REFUSALS
      enterTrying(state.reason)
    }
    if (connected) again('the machine slept')
    else transport.reconnect()
  }

  return {
    state: () => state,
    /** Not before the first tab is attached: the connection asks it for credentials. */
    start(): void {
      if (looking) return
      look()
      transport.connect()
    },
    nudge,
    renew,
    /** To another process behind the same address. The session is not ended: where the servers share it, it goes on. */
    move(): void {
      if (state.name === 'connected') again('the server asked the connection to move')
    },
    send(event: string, metadata: Readonly<Record<string, unknown>>): void {
      if (state.name === 'connected') transport.send?.(event, metadata)
    },
    close(): void {
      ups++
      waiting?.()
      looking?.()
      lastly?.()
      probe.end()
      transport.close()
    },
  }
}
