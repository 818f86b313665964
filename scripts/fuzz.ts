/**
 * Plays random histories of one tab's queries against a real QueryClient, and checks whether every query ends up fresh:
 * `npm run fuzz -- --runs 5000 --seed 7 [--query oldest|middle|newest] [--path …] [--longest 15] [--without hang,fail]
 * [--only item,mount,cancel]`. The names are in test/freshness/step.ts.
 */
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    query: { type: 'string', default: 'newest' },
    path: { type: 'string' },
    longest: { type: 'string' },
    without: { type: 'string' },
    only: { type: 'string' },
  },
})
const { query, ...given } = values
const env = Object.fromEntries(Object.entries(given).map(([name, value]) => [`FUZZ_${name.toUpperCase()}`, value]))
const args = ['vitest', 'run', '--project', query, 'test/freshness/fuzz.test.ts']
const { status } = spawnSync('npx', args, { stdio: 'inherit', env: { ...process.env, FUZZ_REPORT: '1', ...env } })
process.exitCode = status ?? 1
