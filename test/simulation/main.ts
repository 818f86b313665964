import { notifyManager } from '@tanstack/react-query'
import * as fc from 'fast-check'
import { anyHistory, describe, type History } from './command.js'
import { type Played, play, unhandled, Violation } from './play.js'

/** What one process has to simulate. */
export interface SimulationRequest {
  /** How many histories. */
  readonly runs: number
  readonly seed: number
  /** The path of fast-check to one history of that seed. */
  readonly path?: string | undefined
  /** How many commands a history has at most. */
  readonly longest?: number | undefined
  /** Commands and features that no history may have, and questions that are not asked, by name. */
  readonly without?: readonly string[] | undefined
  /** Ignores a broken promise whose text contains one of these. */
  readonly ignore?: readonly string[] | undefined
  /** Plays this history instead of random ones. */
  readonly history?: History | undefined
  /**
   * Whether the history of a failure is shrunk.
   * @default true
   */
  readonly shrink?: boolean | undefined
  readonly trace?: boolean | undefined
}

export interface SimulationResult {
  readonly runs: number
  /** Virtual milliseconds. */
  readonly time: number
  readonly tasks: number
  readonly tabs: number
  readonly commands: number
  /** The most that any history cost, and the longest that one took to be in order, as shares of what is allowed. */
  readonly most: Readonly<Record<'handshakes' | 'attempts' | 'fetches' | 'messages' | 'convergence', number>>
  /** Errors that the library reported to `onError`, by code. */
  readonly problems: Readonly<Record<string, number>>
  readonly failure?: {
    readonly seed: number
    readonly path: string
    readonly invariant: string
    readonly what: string
    readonly history: string
  }
}

/** Plays many histories. The first one that breaks a promise is shrunk. */
export async function simulate(request: SimulationRequest): Promise<SimulationResult> {
  notifyManager.setScheduler(queueMicrotask)
  const onUnhandled = (thrown: unknown) => void unhandled.push(thrown)
  process.on('unhandledRejection', onUnhandled)
  const total = { runs: 0, time: 0, tasks: 0, tabs: 0, commands: 0 }
  const problems: Record<string, number> = {}
  const { ignore = [] } = request
  const without = new Set(request.without)
  const most = { handshakes: 0, attempts: 0, fetches: 0, messages: 0, convergence: 0 }
  const add = (played: Played, history: History) => {
    total.runs++
    total.time += played.time
    total.tasks += played.tasks
    total.tabs += played.tabs
    total.commands += history.commands.length
    for (const [code, count] of Object.entries(played.problems)) problems[code] = (problems[code] ?? 0) + count
    const shares = { ...played.costs, convergence: played.convergence }
    for (const what of Object.keys(most) as (keyof typeof most)[]) most[what] = Math.max(most[what], shares[what])
  }
  const result = await fc.check(
    fc.asyncProperty(
      request.history ? fc.constant(request.history) : anyHistory(request.longest, without),
      async (history) => add(await play(history, { ignore, without }), history),
    ),
    {
      numRuns: request.runs,
      seed: request.seed,
      ...(request.path !== undefined && { path: request.path }),
      endOnFailure: request.shrink === false,
    },
  )
  const [history] = result.counterexample ?? []
  const counted = { ...total, problems, most }
  if (!result.failed || !history) return counted
  const violation = await play(history, { ignore, without, ...(request.trace && { trace: console.error }) }).then(
    () => new Violation('deterministic', 'the history kept every promise when it was played again'),
    (thrown: unknown) => thrown as Violation,
  )
  process.off('unhandledRejection', onUnhandled)
  return {
    ...counted,
    failure: {
      seed: request.seed,
      path: result.counterexamplePath ?? '',
      invariant: violation.invariant,
      what: violation.what,
      history: describe(history),
    },
  }
}
