/**
 * Small apps of strangers: each is made of the files of docs/getting-started.md with one bundler or framework, installs the packed package
 * and its tools from the registry, and is opened in three tabs of a real Chromium against a server that counts. Needs `npm run build` before.
 *
 * `--only NAME` runs those whose name contains it, `--quick` the five most used, `--write` puts what was run into the table of
 * docs/browsers.md, `--keep` leaves the apps where they are, and `--report FILE` writes how many passed.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { chromium } from 'playwright'
import { BROWSER_ARGS, ensureBrowser, findBrowser } from './browser.js'
import { BUNDLERS } from './consumers/bundlers.js'
import { check, prepare, type Result } from './consumers/check.js'
import { FRAMEWORKS } from './consumers/frameworks.js'
import { LINT, lintHooks } from './consumers/lint.js'
import { startServer } from './consumers/server.js'

const root = resolve(import.meta.dirname, '..')
const CONSUMERS = [...BUNDLERS, ...FRAMEWORKS]

/** To half a minute: the table is not to change with every run. */
const minutesOf = (seconds: number) => (Math.ceil(seconds / 30) / 2).toFixed(1)

const rowOf = ({ consumer, host, warnings, sockets, opening, fetches, seconds, faults }: Result): string =>
  `| ${consumer.name} | ${host} | ${warnings} | ${sockets} | ${opening.join(', then ')} | ${fetches} | ${minutesOf(seconds)} | ${faults.length === 0 ? (consumer.note ?? '') : 'does not work'} |`

/** The docs' table stands between two marks. An app that was not run now keeps its row. */
function writeTable(results: readonly Result[]): void {
  const path = join(root, 'docs/browsers.md')
  const marks = /(<!-- consumers -->\n)([\s\S]*?)(\n<!-- \/consumers -->)/
  const text = readFileSync(path, 'utf8')
  const former = marks.exec(text)?.[2]
  if (former === undefined) throw new Error('docs/browsers.md has no place for the table')
  const rows = CONSUMERS.map(({ name, note = '' }) => {
    const result = results.find((one) => one.consumer.name === name)
    const kept = former.split('\n').find((row) => row.startsWith(`| ${name} |`))
    return result ? rowOf(result) : (kept ?? `| ${name} | not run yet | | | | | | ${note} |`)
  })
  const head = [
    '| app | host | build warnings | connections | fetches of a new tab | fetches for an event | minutes | |',
    '|---|---|---|---|---|---|---|---|',
  ]
  const table = [...head, ...rows].join('\n')
  writeFileSync(
    path,
    text.replace(marks, (_, before: string, __, after: string) => before + table + after),
  )
}

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean' },
    write: { type: 'boolean' },
    keep: { type: 'boolean' },
    report: { type: 'string' },
  },
})
const { only = '', quick = false, write = false } = values
const isWanted = (name: string) => name.toLowerCase().includes(only.toLowerCase())
const wanted = CONSUMERS.filter(({ name, isQuick }) => isWanted(name) && (isQuick || !quick))
const isLinted = !quick && isWanted(LINT)
if (wanted.length === 0 && !isLinted) throw new Error(`no app's name contains '${only}'`)
if (!existsSync(join(root, 'dist/worker.js'))) throw new Error('there is no built package: run `npm run build` first')
if (!ensureBrowser()) process.exit(1)

const temporary = mkdtempSync(join(tmpdir(), 'partyline-consumers-'))
const server = await startServer()
// Electron lets pages on file:// load their modules.
const browser = await chromium.launch({ ...findBrowser(), args: [...BROWSER_ARGS, '--allow-file-access-from-files'] })
const count = { passed: 0, failed: 0, skipped: 0 }
/** npm's words for a registry that is out of reach. On somebody's laptop that is no fault of the package. */
const OFFLINE = /npm error (code|errno) (ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|ETIMEDOUT|ENOTCACHED)/
function tell(name: string, faults: readonly string[], figures: string): void {
  const isSkipped = !process.env['CI'] && faults.some((fault) => OFFLINE.test(fault))
  count[isSkipped ? 'skipped' : faults.length === 0 ? 'passed' : 'failed']++
  console.log(`${isSkipped ? 'skipped' : faults.length === 0 ? 'ok    ' : 'FAILED'} ${name}: ${figures}`)
  for (const fault of faults) console.log(`  ${fault.replaceAll('\n', '\n  ')}`)
}
try {
  execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', temporary], { cwd: root, stdio: 'pipe' })
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  const tarball = join(temporary, `partyline-${version}.tgz`)
  const newFolder = () => mkdtempSync(join(temporary, 'app-'))
  const results: Result[] = []
  // While one app is in its tabs, the next one is installed and built.
  let next = wanted[0] && prepare(wanted[0], newFolder(), tarball, server)
  for (const [index] of wanted.entries()) {
    const prepared = await next
    const following = wanted[index + 1]
    next = following && prepare(following, newFolder(), tarball, server)
    if (!prepared) break
    const result = await check(prepared, server, browser)
    results.push(result)
    if (write) writeTable(results)
    const { host, sockets, opening, fetches, warnings, seconds, faults } = result
    const figures = `${host}, ${sockets} connections, ${opening.join(' and ')} + ${fetches} fetches, ${warnings} warnings, ${Math.round(seconds)} s`
    tell(prepared.consumer.name, faults, figures)
    if (!values.keep) rmSync(prepared.folder, { recursive: true, force: true })
  }
  if (isLinted) {
    const { files, faults } = await lintHooks(root, newFolder())
    tell(LINT, faults, `${files} files`)
  }
  if (count.failed > 0) process.exitCode = 1
} finally {
  await browser.close()
  server.close()
  if (!values.keep) rmSync(temporary, { recursive: true, force: true })
  if (values.report) writeFileSync(values.report, JSON.stringify(count))
}
