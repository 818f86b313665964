/**
 * What one server process holds: `npm run bench:load`. The server, in a process of its own, and the clients, in two more,
 * share this machine's cores and talk over loopback. Writes bench/load.json and the figures of docs/deploy.md. Ends within
 * three minutes, and opens 10,000 sockets at most.
 */
import { type ChildProcess, execSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Burst, FromGenerator, FromServer, ToGenerator, ToServer } from './load/messages.js'

const SOCKETS = [1_000, 2_500, 5_000, 10_000]
const GENERATORS = 2
/** A step is held when every event arrived, 99 of 100 within so many ms. To write to 10,000 sockets takes a while by itself. */
const HELD: Record<Burst['to'], number> = { user: 100, everyone: 1_000 }
const SECONDS = 4
const LIMIT = 170_000
/** Deliveries a second to begin with; each step is twice that. */
const FIRST = 2_000

interface Idle {
  readonly sockets: number
  readonly rssMb: number
  readonly heapMb: number
  /** Above the server without a socket. */
  readonly rssKbPerSocket: number
}

interface Step {
  readonly to: Burst['to']
  readonly sockets: number
  readonly eventsPerSecond: number
  readonly deliveriesPerSecond: number
  readonly p50: number
  readonly p99: number
  /** Of one core, in percent. */
  readonly serverCpu: number
  readonly held: boolean
}

const began = Date.now()
const timeLeft = () => LIMIT - (Date.now() - began)
const start = (name: string) =>
  fork(fileURLToPath(new URL(`load/${name}.ts`, import.meta.url)), { execArgv: ['--import', 'tsx', '--expose-gc'] })

async function ask<Answer extends { kind: string }>(child: ChildProcess, message: ToServer | ToGenerator) {
  child.send(message)
  const [answer] = (await once(child, 'message')) as [Answer]
  return answer
}

/** One life of the server: it is filled in steps, and then given as much to do as it can hold. */
async function run(fill: readonly number[]): Promise<{ readonly empty: number; idle: Idle[]; steps: Step[] }> {
  const server = start('server')
  const [{ port }] = (await once(server, 'message')) as [Extract<FromServer, { kind: 'open' }>]
  const generators = Array.from({ length: GENERATORS }, () => start('generator'))
  const askAll = <Kind extends FromGenerator['kind']>(message: ToGenerator) =>
    Promise.all(generators.map((one) => ask<Extract<FromGenerator, { kind: Kind }>>(one, message)))

  async function memory() {
    // The first measurement has the garbage of the handshakes collected; the second one counts.
    await ask(server, 'memory')
    await sleep(1_000)
    return ask<Extract<FromServer, { kind: 'memory' }>>(server, 'memory')
  }

  async function open(from: number, to: number): Promise<void> {
    const share = (to - from) / GENERATORS
    const opened = await Promise.all(
      generators.map((one, index) =>
        ask<Extract<FromGenerator, { kind: 'opened' }>>(one, {
          open: { port, from: from + index * share, to: from + (index + 1) * share },
        }),
      ),
    )
    const failed = opened.reduce((sum, one) => sum + one.failed, 0)
    if (failed > 0) throw new Error(`${failed} sockets could not be opened`)
  }

  async function measure(to: Burst['to'], sockets: number, deliveries: number): Promise<Step> {
    await askAll('forget')
    const rate = to === 'everyone' ? deliveries / sockets : deliveries
    const burst: Burst = { to, rate, seconds: SECONDS, users: sockets }
    const { sent, seconds, cpu } = await ask<Extract<FromServer, { kind: 'sent' }>>(server, burst)
    const expected = sent * (to === 'everyone' ? sockets : 1)
    const received = async () => (await askAll<'report'>('report')).reduce((sum, one) => sum + one.received, 0)
    for (const end = Date.now() + 5_000; Date.now() < end && (await received()) < expected; ) await sleep(100)

    const reports = await askAll<'report'>('report')
    const late = reports.flatMap((report) => report.late).sort(([a], [b]) => a - b)
    const arrived = reports.reduce((sum, one) => sum + one.received, 0)
    const [p50, p99] = [percentile(late, arrived * 0.5), percentile(late, arrived * 0.99)]
    return {
      to,
      sockets,
      eventsPerSecond: Math.round((sent / seconds) * 10) / 10,
      deliveriesPerSecond: Math.round(arrived / seconds),
      p50,
      p99,
      serverCpu: Math.round(cpu * 100),
      held: arrived === expected && p99 <= HELD[to],
    }
  }

  /** Doubles the load until it is too much. */
  async function climb(to: Burst['to'], sockets: number): Promise<Step[]> {
    const steps: Step[] = []
    const first = to === 'everyone' ? Math.max(FIRST, sockets) : FIRST
    for (let deliveries = first; timeLeft() > 15_000 && steps.at(-1)?.held !== false; deliveries *= 2) {
      const step = await measure(to, sockets, deliveries)
      // Something else on the machine may have been busy: a step that holds at the second try holds.
      steps.push(step.held || timeLeft() < 25_000 ? step : await measure(to, sockets, deliveries))
    }
    return steps
  }

  try {
    const { rss: empty } = await memory()
    const idle: Idle[] = []
    for (const [index, sockets] of fill.entries()) {
      await open(fill[index - 1] ?? 0, sockets)
      const { rss, heap, sockets: held } = await memory()
      if (held !== sockets) throw new Error(`the server has ${held} of ${sockets} sockets`)
      const rssKbPerSocket = Math.round((rss - empty) / sockets / 100) / 10
      idle.push({ sockets, rssMb: Math.round(rss / 1e6), heapMb: Math.round(heap / 1e6), rssKbPerSocket })
    }
    const most = fill.at(-1) ?? 0
    // For the compiler and the sockets' buffers; not counted.
    for (const to of ['user', 'everyone'] as const) await measure(to, most, FIRST)
    const steps = [...(await climb('user', most)), ...(await climb('everyone', most))]
    return { empty, idle, steps }
  } finally {
    for (const child of [server, ...generators]) child.kill()
  }
}

/** `late`: sorted. `count`: how many are as late as that, or less. */
function percentile(late: readonly (readonly [number, number])[], count: number): number {
  let left = count
  for (const [tenths, many] of late) {
    left -= many
    if (left <= 0) return tenths / 10
  }
  return Number.NaN
}

// Each process has as many files open as it has sockets, and some of its own.
const files = Number(execSync('ulimit -Hn', { encoding: 'utf8', shell: '/bin/sh' })) || Number.POSITIVE_INFINITY
const fill = SOCKETS.filter((count) => count < files - 500)
const loadBefore = loadavg()[0] ?? 0
const few = await run(fill.slice(0, 1))
// A fresh server: memory that the load has left behind would be counted as the sockets'.
const { empty, idle, steps: many } = await run(fill)
const steps = [...few.steps, ...many]

const machine = `${cpus().length} cores (${cpus()[0]?.model.trim()}), Node ${process.versions.node}`
const results = { machine, loadBefore, emptyRssMb: Math.round(empty / 1e6), seconds: SECONDS, idle, steps }
writeFileSync(fileURLToPath(new URL('load.json', import.meta.url)), `${JSON.stringify(results, null, 2)}\n`)

const n = (value: number) => value.toLocaleString('en')
const figures = `Measured on ${machine}. The load average was ${loadBefore.toFixed(1)} before it.

| idle sockets | RSS of the process | RSS per socket |
| ---: | ---: | ---: |
| 0 | ${results.emptyRssMb} MB | |
${idle.map((row) => `| ${n(row.sockets)} | ${row.rssMb} MB | ${row.rssKbPerSocket} kB |`).join('\n')}

| to | sockets | events/s | deliveries/s | p50 | p99 | server's CPU | |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |
${steps
  .map(
    (row) =>
      `| ${row.to === 'user' ? 'one user each' : 'everyone'} | ${n(row.sockets)} | ${n(row.eventsPerSecond)} | ` +
      `${n(row.deliveriesPerSecond)} | ${row.p50} ms | ${row.p99} ms | ${row.serverCpu} % | ${row.held ? '' : 'too much'} |`,
  )
  .join('\n')}`
console.log(figures)

const page = fileURLToPath(new URL('../docs/deploy.md', import.meta.url))
const marks = /(<!-- figures: bench\/load\.ts -->\n)[\s\S]*?(\n<!-- end of the figures -->)/
writeFileSync(
  page,
  readFileSync(page, 'utf8').replace(marks, (_all, head: string, tail: string) => `${head}\n${figures}\n${tail}`),
)
