import { messageOf, type PartylineErrorCode, type Report } from '../util/errors.js'
import type { Step } from '../wire/status.js'
import { HubTimeoutError, RefusedError } from './attachment.js'
import { NotSupportedError, type Rung } from './rung.js'

/** A leader may fail so many times in a row before its welcome, then there is a rest. */
const PATIENCE = 4
/** So many losses of a host within this time (ms) and the next rung is taken. */
const LOSSES = { most: 3, within: 60_000 }

/** Which rung this tab stands on, and why those above were left. */
export interface Ladder {
  /** Undefined when none is left. */
  readonly rung: Rung | undefined
  readonly steps: readonly Step[]
  /** The rung failed. It is to be tried again, at once or after a rest, or the next one is. */
  failed(thrown: unknown): 'again' | 'rest' | 'next'
  /** Failures are counted anew: the rung has led to a hub, or the page was away. */
  forgive(): void
  /** A hub that had served is gone. Once is nothing; again and again is a failure. */
  lost(reason: string): void
  /** Back to the top. */
  restart(): void
}

function codeOf(thrown: unknown): PartylineErrorCode {
  const refusal = thrown instanceof RefusedError ? thrown.refusal.code : undefined
  return refusal === 'protocol-mismatch' || refusal === 'wrong-hub' ? refusal : 'host-failed'
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
    // What this browser lacks is no error.
    if (thrown instanceof NotSupportedError) return
    report(codeOf(thrown), `${host}: ${reason}`, { detail: { host, reason }, cause: thrown })
  }

  function failed(thrown: unknown): 'again' | 'rest' | 'next' {
    const rung = rungs[index]
    const isLeader = rung?.host === 'leader-tab'
    const isFinal = thrown instanceof NotSupportedError || codeOf(thrown) !== 'host-failed'
    const isSilent = thrown instanceof HubTimeoutError && thrown.rung === rung
    const tries = isLeader ? PATIENCE : isSilent ? rung.tries : 0
    if (!isFinal && tries && ++failures < tries) return 'again'
    // While there is a channel, a leader can be had: to leave the election would mean a second socket.
    if (!isLeader || isFinal) {
      stepDown(thrown)
      return 'next'
    }
    failures = 0
    rung.release?.()
    const detail = { host: rung.host, reason: messageOf(thrown) }
    report('host-failed', `${detail.host}: ${detail.reason}; it is tried again`, { detail, cause: thrown })
    return 'rest'
  }

  return {
    get rung() {
      return rungs[index]
    },
    get steps() {
      return steps
    },
    failed,
    forgive() {
      failures = 0
    },
    lost(reason) {
      losses = [...losses.filter((at) => now() - at < LOSSES.within), now()]
      // Leaders come and go with their tabs, and below the last rung there is nothing. A worker has to last.
      if (losses.length < LOSSES.most || rungs[index]?.host !== 'shared-worker' || index >= rungs.length - 1) return
      stepDown(new Error(`lost ${LOSSES.most} times within a minute, last: ${reason}`))
    },
    restart() {
      index = 0
      steps = []
    },
  }
}
