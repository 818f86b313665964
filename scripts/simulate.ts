/**
 * Plays random histories in a simulated browser and checks whether every promise was kept:
 * `npm run simulate -- --runs 1000 --seed 7 [--jobs 2] [--path …] [--trace] [--source dir] [--without sleep,cookie,check-costs]
 * [--ignore 'text of a broken promise']`. The names of commands are in test/simulation/command.ts, those of features and of
 * questions in test/simulation/faults.ts.
 */
import { rmSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { bundleSimulation, runSimulation } from './simulation.js'

const { values } = parseArgs({
  allowNegative: true,
  options: {
    runs: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    jobs: { type: 'string', default: '1' },
    longest: { type: 'string', default: '40' },
    path: { type: 'string' },
    source: { type: 'string' },
    without: { type: 'string' },
    shrink: { type: 'boolean', default: true },
    ignore: { type: 'string', multiple: true },
    trace: { type: 'boolean', default: false },
  },
})
const runs = Number(values.runs)
const seed = Number(values.seed)
const jobs = values.path === undefined ? Math.max(1, Number(values.jobs)) : 1

const bundle = await bundleSimulation(values.source === undefined ? undefined : resolve(values.source))
const began = performance.now()
const results = await Promise.all(
  Array.from({ length: jobs }, (_, job) =>
    runSimulation(bundle, {
      runs: Math.ceil(runs / jobs),
      seed: seed + job,
      path: values.path,
      longest: Number(values.longest),
      without: values.without?.split(','),
      shrink: values.shrink,
      ignore: values.ignore,
      trace: values.trace,
    }),
  ),
)
rmSync(dirname(bundle), { recursive: true, force: true })
const seconds = (performance.now() - began) / 1000

const sum = (field: 'runs' | 'time' | 'tasks' | 'tabs' | 'commands') =>
  results.reduce((total, result) => total + result[field], 0)
const problems: Record<string, number> = {}
for (const result of results)
  for (const [code, count] of Object.entries(result.problems)) problems[code] = (problems[code] ?? 0) + count

console.log(`histories       ${sum('runs')} (seed ${seed}${jobs > 1 ? ` to ${seed + jobs - 1}` : ''})`)
console.log(`virtual time    ${(sum('time') / 3_600_000).toFixed(1)} h`)
console.log(`commands        ${sum('commands')}, ${sum('tabs')} tabs opened, ${sum('tasks')} tasks run`)
const most: Record<string, number> = {}
for (const result of results)
  for (const [what, share] of Object.entries(result.most)) most[what] = Math.max(most[what] ?? 0, share)
const shares = Object.entries(most).map(([what, share]) => `${what} ${Math.round(100 * share)} %`)
console.log(`most of allowed ${shares.join(', ')}`)
console.log(`onError         ${JSON.stringify(problems)}`)
console.log(
  `wall time       ${seconds.toFixed(1)} s (${((seconds * 1000) / Math.max(1, sum('runs'))).toFixed(1)} ms a history)`,
)

const without = values.without === undefined ? '' : ` --without ${values.without}`
for (const { failure } of results) {
  if (!failure) continue
  console.log(`\nBROKEN  ${failure.invariant}: ${failure.what}`)
  console.log(
    `again:  npm run simulate -- --seed ${failure.seed} --path ${failure.path} --longest ${values.longest}${without} --trace\n`,
  )
  console.log(failure.history)
  process.exitCode = 1
}
if (process.exitCode === undefined) console.log('every promise was kept')
