import { notifyManager } from '@tanstack/react-query'
import * as fc from 'fast-check'
import { anyHistory, describe, type History } from './command.js'
import { type Played, play, stray, Violation } from './play.js'

/** What one process is told to do; also what a failure says, to do it again. */
export interface Orders {
  readonly runs: number
  readonly seed: number
  readonly path?: string | undefined
  readonly longest?: number | undefined
  /** Commands that no history may have, by name. */
  readonly without?: readonly string[] | undefined
  /** Broken promises whose text holds one of these are let pass. */
  readonly ignore?: readonly string[] | undefined
  /** Instead of random ones. */
  readonly history?: History | undefined
  /** Whether a failure is made as short as it can be. @default true */
  readonly shrink?: boolean | undefined
  readonly trace?: boolean | undefined
}

export interface Outcome {
  readonly runs: number
  /** Virtual milliseconds. */
  readonly time: number
  readonly tasks: number
  readonly tabs: number
  readonly commands: number
  /** Errors that the library told to `onError`, by code. */
  readonly problems: Readonly<Record<string, number>>
  readonly failure?: {
    readonly seed: number
    readonly path: string
    readonly invariant: string
    readonly what: string
    readonly history: string
  }
}

/** Plays many histories; the first one that breaks a promise is made as short as it can be. */
export async function simulate(orders: Orders): Promise<Outcome> {
  notifyManager.setScheduler(queueMicrotask)
  const onStray = (thrown: unknown) => void stray.push(thrown)
  process.on('unhandledRejection', onStray)
  const total = { runs: 0, time: 0, tasks: 0, tabs: 0, commands: 0 }
  const problems: Record<string, number> = {}
  const { ignore = [] } = orders
  const without = new Set(orders.without)
  const prune = (history: History): History => ({
    ...history,
    commands: history.commands.filter((command) => !without.has(command.do)),
  })
  const add = (played: Played, history: History) => {
    total.runs++
    total.time += played.time
    total.tasks += played.tasks
    total.tabs += played.tabs
    total.commands += history.commands.length
    for (const [code, count] of Object.entries(played.problems)) problems[code] = (problems[code] ?? 0) + count
  }
  const result = await fc.check(
    fc.asyncProperty(
      orders.history ? fc.constant(orders.history) : anyHistory(orders.longest).map(prune),
      async (history) => add(await play(history, { ignore }), history),
    ),
    {
      numRuns: orders.runs,
      seed: orders.seed,
      ...(orders.path !== undefined && { path: orders.path }),
      endOnFailure: orders.shrink === false,
    },
  )
  const [history] = result.counterexample ?? []
  const outcome = { ...total, problems }
  if (!result.failed || !history) return outcome
  const violation = await play(history, { ignore, ...(orders.trace && { trace: console.error }) }).then(
    () => new Violation('deterministic', 'the history kept every promise when it was played again'),
    (thrown: unknown) => thrown as Violation,
  )
  process.off('unhandledRejection', onStray)
  return {
    ...outcome,
    failure: {
      seed: orders.seed,
      path: result.counterexamplePath ?? '',
      invariant: violation.invariant,
      what: violation.what,
      history: describe(history),
    },
  }
}
