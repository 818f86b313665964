import type { HubEnvironment } from '../environment-common.js'
import type { HubProblem, Nudge, Settings, SocketState } from '../protocol.js'
import type { OpenTransport, TransportHandlers } from '../transport/transport.js'

/** How often refused credentials are replaced by fresh ones before the hub gives up. */
const REFUSALS = 3
/** A connection that held for this long (ms) was accepted: refusals are counted anew. */
const ACCEPTED = 10_000
const BACKOFF = { first: 500, most: 30_000 }
/** Tabs tell of `online` and `visible` all at once: one look at the connection is enough for each of these spans (ms). */
const NUDGE_PAUSE = 1_000
/**
 * The machine is looked at this often (ms); when a look comes this much (ms) late, it has slept. A
 * hidden leader's timers run once a minute; that is no sleep.
 */
const LOOK = 5_000
const SLEPT = 90_000

export interface ConnectionHandlers extends Pick<TransportHandlers, 'auth' | 'onEvent'> {
  onState(state: SocketState): void
  onProblem(code: HubProblem, message: string): void
  /** Connected; `recovered` if nothing was missed since the last connection. */
  onUp(recovered: boolean): void
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
  let everUp = false
  let upSince = 0
  let refusals = 0
  let failures = 0
  let nudged = Number.NEGATIVE_INFINITY
  let complained = false
  let waiting: (() => void) | undefined
  let looking: (() => void) | undefined

  const enter = (next: SocketState) => {
    state = next
    handlers.onState(next)
  }
  const complain = (code: HubProblem, message: string) => {
    if (!complained) handlers.onProblem(code, message)
    complained = true
  }
  /** Before the first connection one is on the way, after it one is on the way back. */
  const enterTrying = (reason: string) => enter({ name: everUp ? 'disconnected' : 'connecting', reason })

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

  const transport = open(settings, {
    auth: handlers.auth,
    onEvent: handlers.onEvent,
    onUp(recovered) {
      everUp = true
      upSince = clock.now()
      failures = 0
      complained = false
      enter({ name: 'connected' })
      handlers.onUp(recovered)
    },
    onDown(reason) {
      settle()
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
      if (clock.now() - due > SLEPT) nudge('wake')
      look()
    })
  }

  function nudge(why: Nudge): void {
    const now = clock.now()
    if (now - nudged < NUDGE_PAUSE) return
    if (state.name === 'connected' && why !== 'wake') return
    nudged = now
    waiting?.()
    waiting = undefined
    if (state.name === 'connected') enterTrying('the machine slept')
    // One more try with fresh credentials, not a whole round of them.
    if (state.name === 'unauthorized') {
      refusals = REFUSALS
      enterTrying(state.reason)
    }
    transport.reconnect()
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
    close(): void {
      waiting?.()
      looking?.()
      transport.close()
    },
  }
}
