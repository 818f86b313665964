/**
 * What server processes hold: `npm run bench:load`. The servers and two processes of clients share this machine's cores, and talk over
 * loopback. Each part writes bench/load.json, the figures of docs/deploy.md and the tables of docs/scale.md when it is done.
 * `--part socket.io,cluster` takes these parts alone. `--quick` takes few sockets, and writes nothing. A part ends within 75 s, all of
 * them within six minutes. No more than 5,000 sockets are open at once.
 */
import { execSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { startRedis } from '../scripts/redis.js'
import { ensureProgram } from '../scripts/service.js'
import { type Idle, makeBed } from './load/bed.js'
import type { Wire } from './load/messages.js'
import { figuresOf } from './load/report.js'
import type { About, ClusterResult, LoadResults, ReturnResult, WireResult } from './load/results.js'
import { writeScale } from './scale.js'
import { writeFigures } from './write-figures.js'

const PARTS = ['socket.io', 'websocket', 'sse', 'cluster', 'return'] as const
const PROCESSES = 3

const { values: options } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, part: { type: 'string', default: PARTS.join() } },
})
const { quick } = options
const wanted = options.part.split(',')
const parts = PARTS.filter((part) => wanted.includes(part))
if (parts.length !== wanted.length) throw new Error(`the parts are ${PARTS.join(', ')}`)
/** How long (ms) the climbs of a part may go on. */
const CLIMB_MS = quick ? 10_000 : 45_000

// Each process has as many files open as it has sockets, and some of its own.
const files = Number(execSync('ulimit -Hn', { encoding: 'utf8', shell: '/bin/sh' })) || Number.POSITIVE_INFINITY
const fill = (quick ? [100, 200] : [1_000, 2_500, 5_000]).filter((count) => count < files - 500)
const most = fill.at(-1) ?? 0

const about = (): About => ({
  machine: `${cpus().length} cores (${cpus()[0]?.model.trim()}), Node ${process.versions.node}`,
  loadBefore: Number((loadavg()[0] ?? 0).toFixed(1)),
})

async function measureWire(wire: Wire): Promise<WireResult> {
  const before = about()
  const bed = await makeBed(wire)
  try {
    const idle: Idle[] = []
    for (const sockets of fill) {
      await bed.fill(sockets)
      idle.push(await bed.idle())
    }
    const steps = [
      ...(await bed.climb('user', performance.now() + CLIMB_MS / 2)),
      ...(await bed.climb('everyone', performance.now() + CLIMB_MS / 2)),
    ]
    return { kind: 'wire', ...before, emptyRssMb: bed.emptyRssMb, idle, steps }
  } finally {
    bed.close()
  }
}

/** Any process reaches the users of the others through Redis. */
async function measureCluster(): Promise<ClusterResult> {
  const before = about()
  ensureProgram('redis-server')
  const redis = await startRedis()
  const bed = await makeBed('socket.io', PROCESSES, redis.url)
  try {
    await bed.fill(quick ? most : 3_000)
    const steps = [
      ...(await bed.climb('user', performance.now() + CLIMB_MS / 2)),
      ...(await bed.climb('everyone', performance.now() + CLIMB_MS / 2)),
    ]
    return { kind: 'cluster', ...before, processes: PROCESSES, steps }
  } finally {
    bed.close()
    await redis.stop()
  }
}

async function measureReturn(): Promise<ReturnResult> {
  const before = about()
  const bed = await makeBed('socket.io')
  try {
    await bed.fill(most)
    // The first time is the compiler's.
    await bed.dropAll('spread')
    const returns = [await bed.dropAll('at once'), await bed.dropAll('spread')]
    return { kind: 'return', ...before, returns }
  } finally {
    bed.close()
  }
}

const FILE = new URL('load.json', import.meta.url)
let results: LoadResults = existsSync(FILE) && !quick ? (JSON.parse(readFileSync(FILE, 'utf8')) as LoadResults) : {}
const began = performance.now()
for (const part of parts) {
  const measured =
    part === 'cluster' ? await measureCluster() : part === 'return' ? await measureReturn() : await measureWire(part)
  results = { ...results, [part]: measured }
  if (!quick) {
    writeFileSync(FILE, `${JSON.stringify(results, null, 2)}\n`)
    writeFigures('docs/deploy.md', 'bench/load.ts', figuresOf(results))
    writeScale()
  }
  console.log(`${part}: done after ${((performance.now() - began) / 1_000).toFixed(0)} s`)
}
console.log(figuresOf(results))
