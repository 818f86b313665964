/**
 * Tests the tests: makes each fault of scripts/mutants.ts in a copy of the source, and the simulation or the unit tests that the
 * fault names have to find it. `npm run simulate:mutants -- [--runs 3000] [--jobs 2] [--only text] [--by simulation|src|test] [--from 100]
 * [--ignore text] [--source dir]`. A fault that is not found fails, and so does one whose text is missing. Before the faults, the
 * source itself is tested: it has to pass.
 */
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { CHECKS, FAULT_COMMANDS, FEATURES } from '../test/simulation/faults.js'
import type { Mutant } from './mutant.js'
import { MUTANTS } from './mutants.js'
import { bundleSimulation, runSimulation } from './simulation.js'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3000' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '2' },
    only: { type: 'string' },
    by: { type: 'string', default: '' },
    from: { type: 'string', default: '0' },
    source: { type: 'string' },
    ignore: { type: 'string', multiple: true },
  },
})
const root = resolve(import.meta.dirname, '..')
const source = resolve(values.source ?? root)
const SIMULATION_TIMEOUT_MS = 900_000
const UNIT_TIMEOUT_MS = 600_000

/** What found a fault; undefined: nothing did. */
interface Catch {
  readonly by: string
  /** Histories until then. */
  readonly runs?: number
}

/** Where the copies are, each with the dependencies; not within node_modules, where no test runs. */
const folder = mkdtempSync(join(tmpdir(), 'partyline-mutants-'))

function copySource(name: string): string {
  const copy = join(folder, name)
  for (const item of ['src', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts']) {
    const from = [join(source, item), join(root, item)].find((path) => existsSync(path))
    if (from) cpSync(from, join(copy, item), { recursive: true, filter: (path) => !path.endsWith('node_modules') })
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  return copy
}

async function trySimulation(copy: string, job: number, parts?: readonly string[]): Promise<Catch | undefined> {
  const bundle = await bundleSimulation(copy, `mutant-bundle-${process.pid}-${job}`)
  const all = [...FAULT_COMMANDS, ...Object.keys(FEATURES), ...CHECKS]
  const without = parts ? all.filter((part) => part !== 'share-fetches' && !parts.includes(part)) : []
  const request = {
    runs: Number(values.runs),
    seed: Number(values.seed),
    shrink: false,
    ignore: values.ignore,
    without,
  }
  try {
    const { failure, runs } = await runSimulation(bundle, request, SIMULATION_TIMEOUT_MS)
    if (!failure) return undefined
    const what = `${failure.invariant} (${failure.what.split('\n')[0]?.slice(0, 90)})`
    return { by: `simulation: ${what}`, runs: runs + 1 }
  } catch (thrown) {
    return { by: `the simulation broke down (${String(thrown).slice(0, 60)})` }
  } finally {
    rmSync(dirname(bundle), { recursive: true, force: true })
  }
}

interface UnitReport {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message?: string
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
  }[]
}

async function tryUnitTests(copy: string, tests: string): Promise<Catch | undefined> {
  const report = join(copy, 'report.json')
  const vitest = join(copy, 'node_modules/vitest/vitest.mjs')
  // The older versions of TanStack Query and React are not copied.
  const options = [
    'run',
    tests,
    '--project',
    'newest',
    '--root',
    copy,
    '--bail',
    '1',
    '--reporter=json',
    '--outputFile',
    report,
  ]
  const code = await new Promise<number | null>((done) => {
    const child = spawn(process.execPath, [vitest, ...options], {
      cwd: copy,
      stdio: 'ignore',
      timeout: UNIT_TIMEOUT_MS,
    })
    child.on('close', done)
  })
  if (code === 0) return undefined
  if (!existsSync(report)) return { by: `${tests}: the tests broke down` }
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as UnitReport
  const file = testResults.find(({ status }) => status === 'failed')
  const test = file?.assertionResults.find(({ status }) => status === 'failed')
  return { by: `${relative(copy, file?.name ?? tests)}: ${test?.fullName ?? file?.message?.split('\n')[0] ?? '?'}` }
}

/** Gives what is wrong with the list of mutants, if anything. */
function plant(copy: string, { file, find, replace }: Mutant): string | undefined {
  const path = join(copy, file)
  const original = existsSync(path) ? readFileSync(path, 'utf8') : ''
  if (original.split(find).length !== 2) return `ITS TEXT IS NOT in ${file} exactly once`
  writeFileSync(
    path,
    original.replace(find, () => replace),
  )
  return undefined
}

const mutants = MUTANTS.slice(Number(values.from)).filter(
  ({ name, by }) => (values.only === undefined || name.includes(values.only)) && by.startsWith(values.by),
)
const counts = { simulation: 0, unit: 0, missed: 0 }

async function work(queue: Iterator<[number, Mutant]>, job: number): Promise<void> {
  for (let next = queue.next(); !next.done; next = queue.next()) {
    const [index, mutant] = next.value
    const copy = copySource(`mutant-${index}`)
    const isSimulated = mutant.by === 'simulation'
    const problem = plant(copy, mutant)
    const caught = problem
      ? undefined
      : isSimulated
        ? await trySimulation(copy, job, mutant.parts)
        : await tryUnitTests(copy, mutant.by)
    if (!caught) counts.missed++
    else if (isSimulated) counts.simulation++
    else counts.unit++
    console.log(
      `${mutant.name} | ${problem ?? caught?.by.replaceAll('\n', ' ') ?? `NOT CAUGHT by ${mutant.by}`} | ${caught?.runs ?? '-'}`,
    )
    rmSync(copy, { recursive: true, force: true })
  }
}

try {
  console.log('fault | caught by | after histories')
  if (mutants.some(({ by }) => by === 'simulation')) {
    const broken = await trySimulation(copySource('original'), 0)
    if (broken) {
      console.log(`none at all | ${broken.by} | ${broken.runs ?? '-'}`)
      process.exitCode = 1
    }
  }
  const queue = mutants.entries()
  await Promise.all(Array.from({ length: Number(values.jobs) }, (_, job) => work(queue, job)))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
console.log(
  `${mutants.length - counts.missed} of ${mutants.length} faults caught: ${counts.simulation} by the simulation, ${counts.unit} by unit tests`,
)
if (counts.missed > 0) process.exitCode = 1
