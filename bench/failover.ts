/**
 * How long the tabs are without a socket when its owner dies, beside a bare floor in the same run:
 * `npm run bench:failover [-- --quick]`. Prints a table, and writes bench/failover.json and its table in docs/performance.md. `--quick`,
 * `--only` and `--times` write nothing. A target that is missed fails nothing; the bench fails only when it can't measure.
 */
import { writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { type Browser, chromium } from 'playwright'
import { BROWSER_ARGS, findBrowser } from '../scripts/browser.js'
import { buildPage } from './failover/build-page.js'
import { figures, markdown, type Samples, type Target, table } from './failover/figures.js'
import { Fleet, type FleetOptions } from './failover/fleet.js'
import { type BenchServer, startServer } from './failover/server.js'
import { close, crash, killWorker } from './failover/trials.js'
import { writeFigures } from './write-figures.js'

type Trial = (fleet: Fleet, server: BenchServer) => Promise<number>
interface Subject extends FleetOptions {
  readonly trial: Trial
  readonly target?: Target
}
interface Measure {
  readonly name: string
  /** The first one is the floor. */
  readonly subjects: readonly Subject[]
}

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, times: { type: 'string' }, only: { type: 'string' } },
})
const times = Number(values.times ?? (values.quick ? 5 : 15))
/** "At once", in numbers: what a person takes for immediate, and far below any heartbeat. */
const AT_ONCE = 200

const floor = { subject: 'floor: lock, then socket', path: '/lock.html', hasLeader: true }
const leaderTab = { path: '/index.html', lacks: ['SharedWorker'], hasLeader: true } as const
const heartbeat = { ...leaderTab, lacks: ['SharedWorker', 'locks'] } as const

async function measures(browser: Browser): Promise<Measure[]> {
  const kill = killWorker(await browser.newBrowserCDPSession())
  return [
    {
      name: 'leader closed -> new socket',
      subjects: [
        { ...floor, trial: close },
        { ...leaderTab, subject: 'partyline, Web Locks', trial: close, target: { ratio: 1.3 } },
        { ...heartbeat, subject: 'partyline, heartbeat', trial: close, target: { ms: AT_ONCE } },
      ],
    },
    {
      name: 'leader crashed -> new socket',
      subjects: [
        { ...floor, trial: crash },
        { ...leaderTab, subject: 'partyline, Web Locks', trial: crash, target: { ratio: 1.3 } },
        { ...heartbeat, subject: 'partyline, heartbeat', trial: crash, target: { ms: 3_000 } },
      ],
    },
    {
      name: 'worker killed -> events in every tab',
      subjects: [
        // The tab that holds the lock is closed: the same command of the browser ends a worker.
        { ...floor, trial: close },
        { subject: 'bare worker', path: '/worker.html', hasLeader: false, trial: kill },
        {
          subject: 'partyline, SharedWorker',
          path: '/index.html',
          hasLeader: false,
          trial: kill,
          target: { ratio: 2 },
        },
      ],
    },
  ]
}

/** The subjects alternate, so that a busy moment of the machine affects them all. The first round is a warm-up. */
async function run(measure: Measure, browser: Browser, server: BenchServer): Promise<Samples[]> {
  const all = measure.subjects.map(({ subject, target }) => {
    const ms: number[] = []
    return { measure: measure.name, subject, ms, ...(target && { target }) }
  })
  const fleets: Fleet[] = []
  for (const options of measure.subjects) fleets.push(await Fleet.open(browser, server.url, options))
  for (let round = 0; round <= times; round++) {
    for (const [index, { trial }] of measure.subjects.entries()) {
      const fleet = fleets[index]
      if (!fleet) continue
      const ms = await trial(fleet, server)
      if (round > 0) all[index]?.ms.push(ms)
    }
    process.stdout.write('.')
  }
  for (const fleet of fleets) await fleet.close()
  return all
}

const { executablePath } = findBrowser()
const page = await buildPage()
const server = await startServer(page.folder)
const browser = await chromium.launch({ args: BROWSER_ARGS, ...(executablePath && { executablePath }) })
try {
  const all: Samples[] = []
  const wanted = (await measures(browser)).filter(({ name }) => name.includes(values.only ?? ''))
  for (const measure of wanted) all.push(...(await run(measure, browser, server)))
  const load = loadavg().map((one) => one.toFixed(1))
  const about = `Chromium ${browser.version()}, ${cpus().length} cores, load ${load.join(' ')}. Each was ended ${times} times, turn about.`
  console.log(`\n\n${about}\n\n${table(all)}`)
  // With these options the run is for inspection, and writes no file.
  if (!values.only && !values.quick && !values.times) {
    writeFileSync(new URL('failover.json', import.meta.url), `${JSON.stringify(figures(all), null, 2)}\n`)
    writeFigures('docs/performance.md', 'bench/failover.ts', `${markdown(all)}\n\n${about}`)
    console.log('\nwritten to bench/failover.json and docs/performance.md')
  }
} finally {
  await browser.close()
  await server.close()
  page.remove()
}
