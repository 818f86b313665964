/** Server processes and the processes of their clients, and what can be asked of them. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Burst, FromGenerator, FromServer, ToGenerator, ToServer, Wire } from './messages.js'

const GENERATORS = 2
/** A step is held when every event arrived, 99 of 100 within so many ms. To write to thousands of sockets takes a while by itself. */
const HELD: Record<Burst['to'], number> = { user: 100, everyone: 1_000 }
const SECONDS = 3
/** Deliveries a second to begin with; each step is twice that. */
const FIRST = 4_000
/** A question that takes this long (ms) is not answered any more. */
const PATIENCE_MS = 60_000

export interface Idle {
  readonly sockets: number
  readonly rssMb: number
  readonly heapMb: number
  /** Above the server without a socket. */
  readonly rssKbPerSocket: number
}

export interface Step {
  readonly to: Burst['to']
  readonly sockets: number
  readonly eventsPerSecond: number
  readonly deliveriesPerSecond: number
  readonly p50: number
  readonly p99: number
  /** Of one core, in percent: of all server processes. */
  readonly serverCpu: number
  readonly held: boolean
}

export interface Return {
  readonly comeBack: 'at once' | 'spread'
  readonly sockets: number
  /** Until the last one was back. Seconds. */
  readonly seconds: number
  /** Handshakes in the fullest second. */
  readonly worstSecond: number
  readonly attempts: number
  readonly handshakeP50: number
  readonly handshakeP99: number
  /** CPU of the server for each connection that came back. */
  readonly cpuMsPerSocket: number
  /** The longest that the server's event loop was late. */
  readonly loopDelayMs: number
}

const start = (name: string, ...args: string[]) =>
  fork(fileURLToPath(new URL(`${name}.ts`, import.meta.url)), args, { execArgv: ['--import', 'tsx', '--expose-gc'] })

async function ask<Answer extends { kind: string }>(child: ChildProcess, message: ToServer | ToGenerator) {
  child.send(message)
  const [answer] = (await once(child, 'message', { signal: AbortSignal.timeout(PATIENCE_MS) })) as [Answer]
  return answer
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const rounded = (value: number, digits = 1) => Number(value.toFixed(digits))

/** `late`: sorted. `count`: how many are as late as that, or less. */
function percentile(late: readonly (readonly [number, number])[], count: number): number {
  let left = count
  for (const [tenths, many] of late) {
    left -= many
    if (left <= 0) return tenths / 10
  }
  return Number.NaN
}

export async function makeBed(wire: Wire, processes = 1, redisUrl?: string) {
  const servers = Array.from({ length: processes }, () => start('server', wire, ...(redisUrl ? [redisUrl] : [])))
  const opened = await Promise.all(servers.map((server) => once(server, 'message') as Promise<[FromServer]>))
  const ports = opened.map(([message]) => ('port' in message ? message.port : 0))
  const generators = Array.from({ length: GENERATORS }, () => start('generator'))
  const askServers = <Kind extends FromServer['kind']>(message: ToServer) =>
    Promise.all(servers.map((one) => ask<Extract<FromServer, { kind: Kind }>>(one, message)))
  const askAll = <Kind extends FromGenerator['kind']>(message: ToGenerator) =>
    Promise.all(generators.map((one) => ask<Extract<FromGenerator, { kind: Kind }>>(one, message)))

  async function memory() {
    // The first measurement has the garbage of the handshakes collected; the second one counts.
    await askServers('memory')
    await sleep(1_000)
    const all = await askServers<'memory'>('memory')
    const of = (field: 'rss' | 'heap' | 'sockets') => sum(all.map((one) => one[field]))
    return { rss: of('rss'), heap: of('heap'), sockets: of('sockets') }
  }
  const { rss: empty } = await memory()
  let held = 0

  async function fill(to: number): Promise<void> {
    const share = (to - held) / GENERATORS
    const answers = await Promise.all(
      generators.map((one, index) =>
        ask<Extract<FromGenerator, { kind: 'opened' }>>(one, {
          open: { wire, ports, from: held + index * share, to: held + (index + 1) * share },
        }),
      ),
    )
    const failed = sum(answers.map((one) => one.failed))
    if (failed > 0) throw new Error(`${failed} sockets could not be opened`)
    held = to
  }

  async function idle(): Promise<Idle> {
    const { rss, heap, sockets } = await memory()
    if (sockets !== held) throw new Error(`the server has ${sockets} of ${held} sockets`)
    const rssKbPerSocket = rounded((rss - empty) / sockets / 1_000)
    return { sockets, rssMb: Math.round(rss / 1e6), heapMb: Math.round(heap / 1e6), rssKbPerSocket }
  }

  /** Each server process sends its share. */
  async function step(to: Burst['to'], deliveries: number): Promise<Step> {
    await askAll('forget')
    const rate = (to === 'everyone' ? deliveries / held : deliveries) / servers.length
    const answers = await askServers<'sent'>({ to, rate, seconds: SECONDS, users: held })
    const sent = sum(answers.map((one) => one.sent))
    const seconds = Math.max(...answers.map((one) => one.seconds))
    const expected = sent * (to === 'everyone' ? held : 1)
    const received = async () => sum((await askAll<'report'>('report')).map((one) => one.received))
    for (const end = performance.now() + 5_000; performance.now() < end && (await received()) < expected; )
      await sleep(100)

    const reports = await askAll<'report'>('report')
    const late = reports.flatMap((report) => report.late).sort(([a], [b]) => a - b)
    const arrived = sum(reports.map((report) => report.received))
    const [p50, p99] = [percentile(late, arrived * 0.5), percentile(late, arrived * 0.99)]
    return {
      to,
      sockets: held,
      eventsPerSecond: rounded(sent / seconds),
      deliveriesPerSecond: Math.round(arrived / seconds),
      p50,
      p99,
      serverCpu: Math.round(sum(answers.map((one) => one.cpu)) * 100),
      held: arrived === expected && p99 <= HELD[to],
    }
  }

  return {
    emptyRssMb: Math.round(empty / servers.length / 1e6),
    fill,
    idle,
    /** Doubles the load until it is too much, or the time is up. */
    async climb(to: Burst['to'], endsAt: number): Promise<Step[]> {
      const steps: Step[] = []
      const first = to === 'everyone' ? Math.max(FIRST, held) : FIRST
      // For the compiler and the sockets' buffers; not counted.
      await step(to, first)
      for (let deliveries = first; performance.now() < endsAt && steps.at(-1)?.held !== false; deliveries *= 2) {
        const one = await step(to, deliveries)
        // Something else on the machine may have been busy: a step that holds at the second try holds.
        steps.push(one.held || performance.now() > endsAt ? one : await step(to, deliveries))
      }
      return steps
    },
    /** All connections end at once. */
    async dropAll(comeBack: Return['comeBack']): Promise<Return> {
      await askAll({ comeBack })
      await askServers('strain')
      const began = Date.now()
      await askServers('drop')
      const all = async () => {
        const answers = await askAll<'returns'>('returns')
        return {
          at: answers.flatMap((one) => one.at).sort((one, other) => one - other),
          tookMs: answers.flatMap((one) => one.tookMs).sort((one, other) => one - other),
          attempts: sum(answers.map((one) => one.attempts)),
        }
      }
      let returned = await all()
      for (const end = performance.now() + PATIENCE_MS; returned.at.length < held && performance.now() < end; ) {
        await sleep(200)
        returned = await all()
      }
      const { at, tookMs, attempts } = returned
      if (at.length < held) throw new Error(`${at.length} of ${held} came back within ${PATIENCE_MS} ms`)
      const strains = await askServers<'strain'>('strain')
      let worstSecond = 0
      for (let from = 0, to = 0; to < at.length; to++) {
        while ((at[to] ?? 0) - (at[from] ?? 0) > 1_000) from++
        worstSecond = Math.max(worstSecond, to - from + 1)
      }
      const quantile = (share: number) => rounded(tookMs[Math.floor(share * (tookMs.length - 1))] ?? Number.NaN)
      return {
        comeBack,
        sockets: held,
        seconds: rounded(((at.at(-1) ?? 0) - began) / 1_000),
        worstSecond,
        attempts,
        handshakeP50: quantile(0.5),
        handshakeP99: quantile(0.99),
        cpuMsPerSocket: rounded(sum(strains.map((one) => one.cpuMs)) / held, 3),
        loopDelayMs: rounded(Math.max(...strains.map((one) => one.delayMs))),
      }
    },
    close(): void {
      for (const child of [...servers, ...generators]) child.kill()
    },
  }
}
