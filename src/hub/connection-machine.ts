import type { ServerRefusal } from '../transport/transport.js'
import type { SocketState } from '../wire/protocol.js'
import { type AttemptScheduleOptions, createAttemptSchedule, type PauseStep } from './attempt-schedule.js'

/** A server that asks for a longer pause between two attempts gets this one. */
const MAX_RETRY_AFTER_MS = 600_000

/** How often credentials are refused before the tabs are told. They are tried all the same, ever more slowly. */
const MAX_REFUSALS = 3

export interface ConnectionMachineOptions extends AttemptScheduleOptions {
  /** The credentials that there are were refused before, as often as it takes to tell the tabs. */
  readonly wasRefused?: boolean | undefined
  readonly onState: (state: SocketState) => void
  /** A connection has ended that had held. */
  readonly onHeld: () => void
}

/** The state of a connection as tabs see it, and how its outcomes make the pauses longer. */
export function createConnectionMachine(options: ConnectionMachineOptions) {
  const { environment, backOff, attemptTimeoutMs, wasRefused, onExpired, onState, onHeld } = options
  const now = environment.clock.monotonic
  let shown: SocketState = { name: 'connecting' }
  let shownAt = now()
  let wasEverConnected = false
  /** How often in a row, since a connection held. */
  const counts = { failures: 0, refusals: wasRefused ? MAX_REFUSALS : 0, noCredentials: 0, flaps: 0 }

  const schedule = createAttemptSchedule({
    ...options,
    onExpired() {
      onExpired()
      attemptFailed(`the attempt took longer than ${attemptTimeoutMs} ms`)
    },
  })
  const flaps = () => (schedule.hasHeld() ? 0 : counts.flaps)
  /** What the server asks for, once, in addition to the pause of this browser's own: it asks all of them. Milliseconds. */
  let retryAfterMs = 0
  const isClosed = () => schedule.name === 'closed'

  function show(next: SocketState): void {
    if (next.name !== shown.name) shownAt = now()
    shown = next
    onState(next)
  }

  /** Before the first connection a tab sees `connecting`, after it `disconnected`. */
  const showTrouble = (reason: string) => show({ name: wasEverConnected ? 'disconnected' : 'connecting', reason })

  /** At the end of a connection, if there was one. Gives whether it had held. */
  function endConnection(): boolean {
    if (schedule.name !== 'connected') return false
    const hasHeld = schedule.hasHeld()
    if (hasHeld) {
      Object.assign(counts, { failures: 0, refusals: 0, flaps: 0 })
      schedule.reset()
      onHeld()
    } else counts.flaps++
    return hasHeld
  }

  function attemptFailed(reason: string, step: PauseStep = 'failed'): void {
    schedule.wait(retryAfterMs + backOff.lost(counts.failures++), step, reason, retryAfterMs > 0)
    retryAfterMs = 0
    showTrouble(reason)
  }

  return {
    get isConnected() {
      return schedule.name === 'connected'
    },
    /** Whether what the server sends can belong to a connection. */
    get isOpen() {
      return schedule.name === 'connected' || schedule.name === 'attempting'
    },
    current: schedule.current,
    nudge: schedule.nudge,
    shown: () => shown,
    /** How many connections in a row did not hold. */
    flaps,
    /** False when it has started before. */
    start(): boolean {
      const isFirst = schedule.name === 'idle'
      if (isFirst) schedule.attempt()
      return isFirst
    },
    up(): void {
      if (isClosed()) return
      schedule.connected()
      wasEverConnected = true
      counts.noCredentials = 0
      show({ name: 'connected' })
    },
    retryAfter(ms: number): void {
      if (ms >= 0) retryAfterMs = Math.min(ms, MAX_RETRY_AFTER_MS)
    },
    lost(reason: string): void {
      if (isClosed()) return
      endConnection()
      attemptFailed(reason, 'lost')
    },
    attemptFailed(reason: string): void {
      if (!isClosed()) attemptFailed(reason)
    },
    noCredentials(reason: string): void {
      if (isClosed()) return
      schedule.wait(backOff.noCredentials(counts.noCredentials++), 'no-credentials', reason)
      showTrouble(reason)
    },
    refused({ reason, isWrongIdentity, ...refusal }: ServerRefusal): void {
      if (isClosed()) return
      endConnection()
      const final = refusal.final && !schedule.isAskedAgain()
      const before = counts.refusals++
      if (final) schedule.stop(reason)
      else schedule.wait(backOff.refused(before), isWrongIdentity ? 'wrong-identity' : 'refused', reason)
      if (isWrongIdentity) show({ name: 'wrong-identity', reason })
      else if (final) show({ name: 'unauthorized', reason, final })
      else if (before >= MAX_REFUSALS) show({ name: 'unauthorized', reason })
      else showTrouble(reason)
    },
    /**
     * The hub gives a connection up to make another one. True: at once, and the attempt has begun. False: the connection had not
     * held, so the attempt comes after a pause.
     */
    replace(reason: string): boolean {
      const isAtOnce = endConnection()
      if (isAtOnce) {
        schedule.begin(reason)
        showTrouble(reason)
      } else attemptFailed(reason, 'given-up')
      return isAtOnce
    },
    close: schedule.close,
    inspect: () => ({ socket: shown, socketAgeMs: now() - shownAt, flaps: flaps(), ...schedule.inspect() }),
  }
}
