import { messageOf, type PartylineErrorCode, type Report } from '../errors.js'
import type { Step } from '../status.js'
import { Refused } from './attachment.js'
import { NotHere, type Rung } from './rung.js'

/** So many losses of a host within this time (ms) and the next rung is taken. */
const LOSSES = { most: 3, within: 60_000 }

/** Which rung this tab stands on, and why those above were left. */
export interface Ladder {
  /** Undefined when none is left. */
  readonly rung: Rung | undefined
  readonly steps: readonly Step[]
  /** The rung failed: on to the next one. */
  stepDown(thrown: unknown): void
  /** A hub that had served is gone. Once is nothing; again and again is a failure. */
  lost(reason: string): void
  /** Back to the top. */
  restart(): void
}

function codeOf(thrown: unknown): PartylineErrorCode {
  const refusal = thrown instanceof Refused ? thrown.refusal.code : undefined
  return refusal === 'protocol-mismatch' || refusal === 'wrong-hub' ? refusal : 'host-failed'
}

export function createLadder(rungs: readonly Rung[], now: () => number, report: Report): Ladder {
  let index = 0
  let steps: readonly Step[] = []
  let losses: number[] = []

  function stepDown(thrown: unknown): void {
    const rung = rungs[index]
    if (!rung) return
    const { host } = rung
    const reason = messageOf(thrown)
    rung.release?.()
    index++
    losses = []
    steps = [...steps, { host, reason }]
    // What this browser lacks is no error.
    if (thrown instanceof NotHere) return
    report(codeOf(thrown), `${host}: ${reason}`, { detail: { host, reason }, cause: thrown })
  }

  return {
    get rung() {
      return rungs[index]
    },
    get steps() {
      return steps
    },
    stepDown,
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
