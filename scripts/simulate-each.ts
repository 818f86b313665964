/**
 * Plays the simulation's newer parts one by one, each on top of the histories without any of them, and prints what breaks:
 * `node --import tsx scripts/simulate-each.ts [--runs 500] [--seed 1] [--jobs 2] [--only text] [--source dir]`.
 */
import { rmSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { CHECKS, FAULT_COMMANDS, FEATURES } from '../test/simulation/faults.js'
import { bundleSimulation, runSimulation } from './simulation.js'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '2' },
    only: { type: 'string' },
    source: { type: 'string' },
  },
})
const PARTS: readonly string[] = [...FAULT_COMMANDS, ...Object.keys(FEATURES), ...CHECKS]
/** Was asked and played before the others came. */
const BASIS = ['share-fetches']
/** A question that a part is about. */
const WITH: Readonly<Record<string, readonly string[]>> = {
  forge: ['own-writes'],
  'room-write': ['topic', 'own-writes'],
  'sign-out-crash': ['check-sign-out'],
  'frozen-sign-out': ['check-sign-out'],
  'sign-out-in': ['check-sign-out'],
  flap: ['check-costs'],
  'online-storm': ['slow-admission', 'check-costs'],
  'store-down': ['check-convergence'],
  'auth-trouble': ['check-convergence'],
  'own-tokens': ['refresh', 'check-convergence'],
}

const bundle = await bundleSimulation(values.source === undefined ? undefined : resolve(values.source))
const queue = ['none', ...PARTS].filter((part) => values.only === undefined || part.includes(values.only))

async function work(): Promise<void> {
  for (let part = queue.shift(); part !== undefined; part = queue.shift()) {
    const on = [...BASIS, part, ...(WITH[part] ?? [])]
    const without = PARTS.filter((other) => !on.includes(other))
    const request = { runs: Number(values.runs), seed: Number(values.seed), without, shrink: false }
    const name = part
    await runSimulation(bundle, request, 900_000).then(
      ({ failure, runs, most }) => {
        const what = failure ? `${failure.invariant}: ${failure.what.split('\n')[0]?.slice(0, 160)}` : 'kept'
        const where = failure ? `--seed ${failure.seed} --path ${failure.path}` : ''
        const shares = Object.values(most).map((share) => Math.round(100 * share))
        console.log(`${name} | ${what} | ${runs} | ${where} | ${shares.join(' ')}`)
      },
      (thrown: unknown) => console.log(`${name} | broke down: ${String(thrown).slice(0, 160)} | | |`),
    )
  }
}

console.log('part | first broken promise | histories before | again | most of allowed, in %')
await Promise.all(Array.from({ length: Number(values.jobs) }, work))
rmSync(dirname(bundle), { recursive: true, force: true })
