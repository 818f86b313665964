/** The test command: every check in order, and at the end one line `N passed, N failed` summed from the runners. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { ensureGo, ensureNest, ensureNext } from './backends.js'
import { ensureBrowser } from './browser.js'
import { ensureFrameworks } from './frameworks.js'
import { ensurePostgres } from './postgres.js'
import { ASGI, DJANGO, ensurePython } from './python.js'
import { ensureProgram } from './service.js'
import { ensureSite } from './site.js'

interface Count {
  passed: number
  failed: number
  skipped: number
}
interface Step {
  readonly name: string
  readonly command: readonly string[]
  /** Reads the runner's own report; without one the step counts as a single check. */
  readonly count?: () => Count
}

const RESULTS = 'test-results'
const unitReport = `${RESULTS}/unit.json`
const e2eReport = `${RESULTS}/e2e.json`
const browsersReport = `${RESULTS}/browsers.json`
const consumersReport = `${RESULTS}/consumers.json`
const script = (name: string) => ['node', '--import', 'tsx', `scripts/${name}.ts`]
const read = <T>(path: string): T | undefined =>
  existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as T) : undefined

function vitestCount(path: string): Count {
  const report = read<{ numPassedTests: number; numFailedTests: number; numPendingTests: number }>(path)
  return {
    passed: report?.numPassedTests ?? 0,
    failed: report?.numFailedTests ?? 0,
    skipped: report?.numPendingTests ?? 0,
  }
}

const unit: Step = {
  name: 'unit tests',
  command: ['npx', 'vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${unitReport}`],
  count: () => vitestCount(unitReport),
}
const e2e: Step = {
  name: 'end-to-end tests',
  command: ['npx', 'playwright', 'test'],
  count() {
    const stats = read<{ stats: { expected: number; unexpected: number; flaky: number; skipped: number } }>(
      e2eReport,
    )?.stats
    // A test that passed only the second time has failed: which of the two runs would a user get?
    return {
      passed: stats?.expected ?? 0,
      failed: (stats?.unexpected ?? 0) + (stats?.flaky ?? 0),
      skipped: stats?.skipped ?? 0,
    }
  },
}
const browsers: Step = {
  name: 'page life, Firefox and WebKit',
  command: [
    'npx',
    'vitest',
    'run',
    '-c',
    'vitest.browsers.config.ts',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${browsersReport}`,
  ],
  count: () => vitestCount(browsersReport),
}
const consumers: Step = {
  name: 'apps of strangers',
  command: [...script('consumers'), '--quick', '--report', consumersReport],
  count: () => ({ passed: 0, failed: 0, skipped: 0, ...read<Count>(consumersReport) }),
}
const STEPS: Record<string, readonly Step[]> = {
  all: [
    { name: 'types', command: ['npm', 'run', 'check-types'] },
    { name: 'lint', command: ['npm', 'run', 'lint'] },
    { name: 'house', command: ['npm', 'run', 'house'] },
    { name: 'skills', command: ['npx', 'intent', 'validate'] },
    { name: 'prose', command: ['npm', 'run', 'prose'] },
    unit,
    { name: 'build', command: ['npm', 'run', 'build'] },
    { name: 'sizes', command: script('size') },
    { name: 'package', command: script('pack') },
    { name: 'types in apps', command: script('types') },
    { name: 'build of the demo', command: ['npm', 'run', 'build:demo'] },
    { name: 'build of the examples', command: ['npm', 'run', 'build:examples'] },
    consumers,
    e2e,
    browsers,
  ],
  unit: [unit],
  e2e: [
    { name: 'build', command: ['npm', 'run', 'build'] },
    { name: 'build of the demo', command: ['npm', 'run', 'build:demo'] },
    { name: 'build of the examples', command: ['npm', 'run', 'build:examples'] },
    e2e,
    browsers,
  ],
}

const SERVICES: readonly (() => unknown)[] = [
  ensurePostgres,
  () => ensureProgram('redis-server'),
  () => ensureProgram('haproxy'),
  () => ensureProgram('nginx'),
  () => ensurePython(DJANGO),
  () => ensurePython(ASGI),
  ensureGo,
  ensureNest,
  ensureNext,
  ensureFrameworks,
  ensureSite,
]

/** Before the tests that want them, which run side by side: two installations at once are in each other's way. */
function missingServices(): string[] {
  return SERVICES.flatMap((ensure) => {
    try {
      ensure()
      return []
    } catch (error) {
      return [(error as Error).message]
    }
  })
}

const which = process.argv[2] ?? 'all'
const steps = STEPS[which]
if (!steps) throw new Error(`no such part of the tests: ${which}`)

rmSync(RESULTS, { recursive: true, force: true })
mkdirSync(RESULTS, { recursive: true })

const total: Count = { passed: 0, failed: 0, skipped: 0 }
const broken: string[] = []
// Unit tests install nothing: those that want a service are skipped without it, or fail in CI (test/services.ts).
const missing = which === 'unit' ? [] : missingServices()
// On somebody's laptop their tests are skipped. In CI all of them have to run.
if (missing.length > 0 && process.env['CI']) {
  total.failed += 1
  broken.push('services')
}
for (const { name, command, count } of steps) {
  console.log(`\n== ${name}`)
  const began = Date.now()
  const [program = '', ...args] = command
  const able = ![consumers.name, e2e.name, browsers.name].includes(name) || ensureBrowser()
  const ok = able && spawnSync(program, args, { stdio: 'inherit' }).status === 0
  const counted = count?.() ?? { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 }
  // A runner that failed without a failed test, or that ran none, has failed as a whole.
  // Apps are skipped where the registry is out of reach.
  const ranNone = counted.passed === 0 && !(name === consumers.name && counted.skipped > 0)
  if (count && counted.failed === 0 && (!ok || ranNone)) counted.failed = 1
  total.passed += counted.passed
  total.failed += counted.failed
  total.skipped += counted.skipped
  if (counted.failed > 0) broken.push(name)
  console.log(`-- ${name}: ${counted.failed === 0 ? 'ok' : 'FAILED'} (${((Date.now() - began) / 1000).toFixed(1)} s)`)
}

for (const what of missing) console.log(`\nSkipped tests: ${what}`)
if (broken.length > 0) console.log(`\nFailed: ${broken.join(', ')}`)
console.log(`\n${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`)
process.exitCode = total.failed > 0 ? 1 : 0
