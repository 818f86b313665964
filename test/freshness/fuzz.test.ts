import fc from 'fast-check'
import { expect, it } from 'vitest'
import { play } from './play.js'
import { anyHistory, describeHistory, type History } from './step.js'

/** `npm run fuzz` sets these. */
const env = (name: string, byDefault: string) => process.env[`FUZZ_${name}`] ?? byDefault
const list = (name: string) => env(name, '').split(',').filter(Boolean)
const runs = Number(env('RUNS', '300'))
const seed = Number(env('SEED', '20261128'))
const longest = Number(env('LONGEST', '15'))
const path = process.env['FUZZ_PATH']
const only = list('ONLY')

it(`every query ends up fresh in ${runs} random histories`, { timeout: 3_600_000 }, async () => {
  const unhandled: unknown[] = []
  const onUnhandled = (thrown: unknown) => void unhandled.push(thrown)
  process.on('unhandledRejection', onUnhandled)
  const without = new Set(list('WITHOUT'))
  const began = performance.now()
  let played = 0
  const result = await fc.check(
    fc.asyncProperty(anyHistory(longest, without, only.length > 0 ? only : undefined), async (history) => {
      played++
      await play(history, without)
    }),
    { numRuns: runs, seed, ...(path !== undefined && { path }) },
  )
  process.off('unhandledRejection', onUnhandled)
  if (process.env['FUZZ_REPORT'])
    console.log(`${played} histories (seed ${seed}), ${((performance.now() - began) / played).toFixed(1)} ms each`)
  const [history] = (result.counterexample ?? []) as [History?]
  const why = result.errorInstance instanceof Error ? result.errorInstance : undefined
  const broken =
    history &&
    `${why?.message}\n--seed ${seed} --path ${result.counterexamplePath}\n${describeHistory(history)}\n${why?.stack?.split('\n').slice(0, 4).join('\n')}`
  expect(broken).toBeUndefined()
  expect(result.failed).toBe(false)
  expect(unhandled).toEqual([])
})
