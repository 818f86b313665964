import { messageOf, type PartylineErrorCode, type Report } from '../util/errors.js'
import type { Step } from '../wire/status.js'
import { HubTimeoutError, LinkError, RefusedError } from './link-errors.js'
import { NotSupportedError, type Rung } from './rungs.js'

/** After so many failures in a row before a welcome, the leader's rung rests. */
const MAX_LEADER_FAILURES = 4
/** After so many losses of a host within the window, the next rung is taken. */
const MAX_LOSSES = 3
const LOSS_WINDOW_MS = 60_000

/** Which rung this tab uses, and why those above were left. */
export interface Ladder {
  /** Undefined when none is left. */
  readonly rung: Rung | undefined
  readonly steps: readonly Step[]
  /** How often the rung has failed in a row. */
  readonly failures: number
  /** The rung failed: retry it at once, rest before that, or take the next one. */
  failed(thrown: unknown): 'retry' | 'rest' | 'next'
  /** Counts failures from 0: the rung has led to a hub, or the page was away. */
  resetFailures(): void
  /** The hub of an attachment is gone. One loss means nothing; several within a minute are a failure. */
  lost(reason: string): void
  /** Back to the top. */
  restart(): void
}

const causeOf = (thrown: unknown): unknown => (thrown instanceof LinkError ? undefined : thrown)

function codeOf(thrown: unknown): PartylineErrorCode {
  const refusal = thrown instanceof RefusedError ? thrown.refusal.code : undefined
  return refusal === 'protocol-mismatch' || refusal === 'wrong-hub' || refusal === 'unknown-transport'
    ? refusal
    : 'host-failed'
}

export function createLadder(rungs: readonly Rung[], now: () => number, report: Report): Ladder {
  let index = 0
  let steps: readonly Step[] = []
  let losses: number[] = []
  let failures = 0

  function stepDown(thrown: unknown): void {
    const rung = rungs[index]
    if (!rung) return
    const { host } = rung
    const reason = messageOf(thrown)
    rung.release?.()
    index++
    losses = []
    failures = 0
    steps = [...steps, { host, reason }]
    // A missing browser feature is no error.
    if (thrown instanceof NotSupportedError) return
    report(codeOf(thrown), `${host}: ${reason}`, { detail: { host, reason }, cause: causeOf(thrown) })
  }

  function failed(thrown: unknown): 'retry' | 'rest' | 'next' {
    const rung = rungs[index]
    const isLeader = rung?.host === 'leader-tab'
    const isFinal = thrown instanceof NotSupportedError || codeOf(thrown) !== 'host-failed'
    const isTimeout = thrown instanceof HubTimeoutError && thrown.rung === rung
    const tries = isLeader ? MAX_LEADER_FAILURES : isTimeout ? rung.tries : 0
    if (!isFinal && tries && ++failures < tries) return 'retry'
    // Where there is a channel, a leader can be found or elected. Leaving the election would mean a second socket.
    if (!isLeader || isFinal) {
      stepDown(thrown)
      return 'next'
    }
    failures = 0
    rung.release?.()
    const detail = { host: rung.host, reason: messageOf(thrown) }
    report('host-failed', `${detail.host}: ${detail.reason}. It is tried again`, { detail, cause: causeOf(thrown) })
    return 'rest'
  }

  return {
    get rung() {
      return rungs[index]
    },
    get steps() {
      return steps
    },
    get failures() {
      return failures
    },
    failed,
    resetFailures() {
      failures = 0
    },
    lost(reason) {
      losses = [...losses.filter((at) => now() - at < LOSS_WINDOW_MS), now()]
      // Leaders come and go with their tabs, and the last rung has none below it. A worker has to last.
      if (losses.length < MAX_LOSSES || rungs[index]?.host !== 'shared-worker' || index >= rungs.length - 1) return
      stepDown(new Error(`lost ${MAX_LOSSES} times within a minute, last: ${reason}`))
    },
    restart() {
      index = 0
      steps = []
    },
  }
}
