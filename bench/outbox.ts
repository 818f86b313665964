/**
 * What events cost the writers of a database: `npm run bench:outbox`. The same transaction without an event, with a bare
 * NOTIFY, and with a row of examples/outbox, by so many connections at once, on a real PostgreSQL that waits for its disk.
 * Interleaved, medians of the rounds. Writes the figures of docs/outbox.md. Ends within three minutes.
 */
import {
  closeSync,
  fdatasyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { ensurePostgres, startPostgres } from '../scripts/postgres.js'

const ACCOUNTS = 10_000
/** How many write at once; `delay`: microseconds that each write of the log takes longer, as on a slower disk. */
const CASES = [
  { connections: 1, delay: 0 },
  { connections: 8, delay: 0 },
  { connections: 32, delay: 0 },
  { connections: 8, delay: 5_000 },
]
type Case = (typeof CASES)[number]
const ROUNDS = 5
/** Of one subject with so many connections, in one round. */
const MILLISECONDS = 1_500

const row = `select outbox.add('ann', 'balance_updated', jsonb_build_object('accountId', $1::text))`

/** What comes between the change and its commit. */
const SUBJECTS = {
  'no event': undefined,
  'a bare `NOTIFY`': `select pg_notify('changed', $1)`,
  'a row in the outbox': row,
  'ten rows in the outbox': `${row} from generate_series(1, 10)`,
}
type Subject = keyof typeof SUBJECTS

interface Sample {
  readonly subject: Subject
  readonly at: Case
  readonly commits: number
  readonly p50: number
  readonly p99: number
}

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const loadBefore = loadavg()[0] ?? 0
ensurePostgres()
const postgres = await startPostgres({ durable: true })
const clients = Array.from(
  { length: Math.max(...CASES.map((one) => one.connections)) },
  () => new pg.Client(postgres.url),
)

async function measure(subject: Subject, at: Case): Promise<Sample> {
  const event = SUBJECTS[subject]
  const took: number[] = []
  const end = performance.now() + MILLISECONDS
  const write = async (client: pg.Client): Promise<void> => {
    while (performance.now() < end) {
      const id = String(1 + Math.floor(Math.random() * ACCOUNTS))
      const start = performance.now()
      await client.query('begin')
      await client.query('update accounts set balance = balance + 1 where id = $1', [id])
      if (event) await client.query(event, [id])
      await client.query('commit')
      took.push(performance.now() - start)
    }
  }
  await Promise.all(clients.slice(0, at.connections).map(write))
  took.sort((a, b) => a - b)
  const quantile = (share: number) => took[Math.floor((took.length - 1) * share)] ?? Number.NaN
  return { subject, at, commits: (took.length / MILLISECONDS) * 1_000, p50: quantile(0.5), p99: quantile(0.99) }
}

/** Milliseconds in which this disk takes a page of the log for good: what a commit waits for. */
function syncOfDisk(): number {
  const folder = mkdtempSync(join(tmpdir(), 'partyline-sync-'))
  const file = openSync(join(folder, 'log'), 'w')
  const took = Array.from({ length: 201 }, (_, index) => {
    const start = performance.now()
    writeSync(file, Buffer.alloc(8_192), 0, 8_192, index * 8_192)
    fdatasyncSync(file)
    return performance.now() - start
  }).sort((a, b) => a - b)
  closeSync(file)
  rmSync(folder, { recursive: true })
  return took[100] ?? Number.NaN
}

const samples: Sample[] = []
try {
  await Promise.all(clients.map((client) => client.connect()))
  const [client] = clients as [pg.Client]
  await client.query(readFileSync(path('../examples/outbox/schema.sql'), 'utf8'))
  await client.query('create table accounts (id integer primary key, balance bigint not null default 0)')
  await client.query(`insert into accounts (id) select generate_series(1, ${ACCOUNTS})`)
  // The first round is the caches'.
  for (let round = -1; round < ROUNDS; round++) {
    for (const one of CASES) {
      // PostgreSQL's own way to wait before it writes the log, meant for commits in groups.
      await client.query(`alter system set commit_delay = ${one.delay}`)
      await client.query('alter system set commit_siblings = 0')
      await client.query('select pg_reload_conf()')
      await sleep(200)
      const subjects = Object.keys(SUBJECTS) as Subject[]
      for (const subject of round % 2 === 0 ? subjects : subjects.reverse()) {
        const sample = await measure(subject, one)
        if (round >= 0) samples.push(sample)
        // What one leaves behind is not the next one's to bear.
        await client.query(`select outbox.prune('0')`)
        await client.query('vacuum outbox.events, accounts')
      }
    }
  }
} finally {
  await Promise.all(clients.map((client) => client.end()))
  await postgres.stop()
}

function median(subject: Subject, at: Case, of: 'commits' | 'p50' | 'p99'): number {
  const own = samples.filter((one) => one.subject === subject && one.at === at)
  const values = own.map((one) => one[of]).sort((a, b) => a - b)
  return values[values.length >> 1] ?? Number.NaN
}

// After the work, and with the database stopped: nothing else writes now.
const sync = syncOfDisk()
const lines = CASES.flatMap((one) =>
  (Object.keys(SUBJECTS) as Subject[]).map((subject) => {
    const commits = median(subject, one, 'commits')
    const share = commits / median('no event', one, 'commits')
    const [p50, p99] = (['p50', 'p99'] as const).map((of) => median(subject, one, of).toFixed(1))
    const who = one.delay ? `${one.connections}, each write ${one.delay / 1_000} ms longer` : one.connections
    return `| ${who} | ${subject} | ${Math.round(commits).toLocaleString('en')} | ${share.toFixed(2)} | ${p50} ms | ${p99} ms |`
  }),
)
const figures = `Measured on ${cpus().length} cores (${cpus()[0]?.model.trim()}), writers and PostgreSQL on the same ones, on a disk that syncs in ${sync.toFixed(2)} ms. The load average was ${loadBefore.toFixed(1)} before it.

| connections at once | in each transaction | commits/s | share | p50 | p99 |
| ---: | --- | ---: | ---: | ---: | ---: |
${lines.join('\n')}`
console.log(figures)

const page = path('../docs/outbox.md')
const marks = /(<!-- figures: bench\/outbox\.ts -->\n)[\s\S]*?(\n<!-- end of the figures -->)/
writeFileSync(
  page,
  readFileSync(page, 'utf8').replace(marks, (_all, head: string, tail: string) => `${head}\n${figures}\n${tail}`),
)
