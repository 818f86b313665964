/**
 * Small apps of strangers: each is made of the files of docs/getting-started.md with one bundler, installs the packed package and its
 * bundler from the registry, and is opened in three tabs of a real Chromium against a server that counts. Needs `npm run build` before.
 *
 * `--only NAME` runs those whose name contains it, `--quick` the five most used, `--write` puts what was run into the table of
 * docs/browsers.md, and `--keep` leaves the apps where they are.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, extname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { type Browser, chromium, type Page } from 'playwright'
import { Server } from 'socket.io'
import { BROWSER_ARGS, ensureBrowser, findBrowser } from './browser.js'
import { CONSUMERS, type Consumer, outOf, templateOf } from './consumer-apps.js'

const TABS = 3
const STEP_LIMIT_MS = 300_000
const PAGE_LIMIT_MS = 120_000
/** Longer than a resync's jitter and a debounce. */
const QUIET_MS = 4_000
const root = resolve(import.meta.dirname, '..')
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.txt': 'text/plain',
}

/** What one app did. */
interface Result {
  readonly name: string
  readonly note: string | undefined
  readonly host: string
  readonly warnings: number
  readonly sockets: number
  /** Fetches of all tabs for one event. */
  readonly fetches: number
  readonly seconds: number
  readonly faults: readonly string[]
}

/** The server of docs/getting-started.md, and the files of an app. */
async function startServer() {
  const counts = { fetches: 0, opened: 0 }
  let amount = 100
  let app: { folder: string; consumer: Consumer } | undefined
  const http = createServer(((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    // For the pages on file://, whose origin is `null`.
    response.setHeader('access-control-allow-origin', '*')
    const json = (value: unknown) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
    if (pathname === '/favicon.ico') return response.writeHead(204).end()
    if (pathname === '/api/socket-token') return json({ token: 'ann' })
    if (pathname.endsWith('/deposit')) {
      amount += 10
      io.emit('balance_updated', { accountId: '7' })
      return response.writeHead(204).end()
    }
    if (pathname.startsWith('/api/')) {
      counts.fetches++
      return json({ amount })
    }
    const base = app?.consumer.base ?? '/'
    const below = pathname.startsWith(base) ? pathname.slice(base.length) || 'index.html' : undefined
    const file = app && below !== undefined ? join(outOf(app.consumer, app.folder), below) : ''
    if (!existsSync(file)) return response.writeHead(404).end()
    const type = TYPES[extname(file)] ?? 'application/octet-stream'
    return response.writeHead(200, { 'content-type': type, ...app?.consumer.headers }).end(readFileSync(file))
  }) as RequestListener)
  const io = new Server(http)
  io.use((socket, next) => next(socket.handshake.auth['token'] === 'ann' ? undefined : new Error('token unknown')))
  io.on('connection', () => void counts.opened++)
  await new Promise<void>((listening) => http.listen(0, '127.0.0.1', listening))
  return {
    address: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    counts,
    sockets: () => io.engine.clientsCount,
    amount: () => amount,
    serve(consumer: Consumer, folder: string): void {
      app = { consumer, folder }
      counts.fetches = counts.opened = 0
    },
    close: () => io.close(),
  }
}
type TestServer = Awaited<ReturnType<typeof startServer>>

/** Throws what the program says if it fails. */
function run(folder: string, program: string, args: readonly string[]): string {
  const env = { ...process.env, NO_COLOR: '1', NEXT_TELEMETRY_DISABLED: '1', FORCE_COLOR: '0' }
  const options = { cwd: folder, env, encoding: 'utf8', timeout: STEP_LIMIT_MS } as const
  const { status, stdout, stderr } = spawnSync(program, args, options)
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed:\n${`${stdout}${stderr}`.slice(-3_000)}`)
  return `${stdout}${stderr}`
}

function install({ packages, manifest, files }: Consumer, folder: string, tarball: string, server: string): void {
  const dependencies = {
    '@tanstack/react-query': '^5',
    react: '^19',
    'react-dom': '^19',
    ...packages,
    partyline: `file:${tarball}`,
  }
  const all = {
    ...files(templateOf(root), server),
    'package.json': JSON.stringify({ name: 'consumer', private: true, type: 'module', dependencies, ...manifest }),
  }
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  run(folder, 'npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'])
}

/** More than one copy would be two caches. */
function copiesOfQueryCore(folder: string): number {
  const listed = run(folder, 'npm', ['ls', '@tanstack/query-core', '--all', '--parseable'])
  return new Set(listed.split('\n').filter((path) => path.includes('query-core'))).size
}

/** Lines of a build's output that warn. */
const warningsIn = (output: string): string[] =>
  output.split('\n').filter((line) => /\bwarn(ing)?s?\b|⚠/i.test(line) && !/\b0 warnings\b|deprecated/i.test(line))

/** Starts a development server, and gives its address. */
async function startDev(folder: string, [program = '', ...args]: readonly string[]) {
  const child: ChildProcess = spawn(join(folder, 'node_modules/.bin', program), args, {
    cwd: folder,
    env: { ...process.env, NO_COLOR: '1' },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (output += text))
  const until = Date.now() + PAGE_LIMIT_MS
  for (;;) {
    const address = /https?:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0]
    if (address) return { address, child, output: () => output }
    if (Date.now() > until || child.exitCode !== null) throw new Error(`no development server:\n${output}`)
    await sleep(100)
  }
}

/** Opens the tabs, changes something in one of them, and counts. */
async function use(browser: Browser, server: TestServer, consumer: Consumer, address: string) {
  const faults: string[] = []
  const context = await browser.newContext()
  try {
    const pages: Page[] = []
    if (consumer.dev) {
      // The development server bundles dependencies when they are first asked for, and reloads the page.
      const first = await context.newPage()
      await first.goto(address, { timeout: PAGE_LIMIT_MS })
      await first.getByText('tabs on one socket').waitFor({ timeout: PAGE_LIMIT_MS })
      await sleep(QUIET_MS)
      await first.close()
      server.counts.opened = 0
    }
    for (let n = 0; n < TABS; n++) {
      const page = await context.newPage()
      page.on('pageerror', (error) => faults.push(`page: ${error.message}`))
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) faults.push(`console: ${message.text()}`)
      })
      await page.goto(address, { timeout: PAGE_LIMIT_MS })
      pages.push(page)
    }
    const tabs = consumer.host === 'this-tab' ? 1 : TABS
    for (const page of pages)
      await page.getByText(`connected, ${tabs} tabs on one socket`).waitFor({ timeout: PAGE_LIMIT_MS })
    // Whatever the beginning made them fetch is over.
    await sleep(QUIET_MS)
    server.counts.fetches = 0
    await pages[0]?.getByRole('button').click()
    for (const page of pages)
      await page.getByText(String(server.amount()), { exact: true }).waitFor({ timeout: PAGE_LIMIT_MS })
    await sleep(QUIET_MS)
    const hosts = await Promise.all(
      pages.map((page) =>
        page.evaluate(() => (window as unknown as { line: { status: { host: string } } }).line.status.host),
      ),
    )
    return {
      hosts: [...new Set(hosts)],
      sockets: Math.max(server.sockets(), consumer.dev ? 0 : server.counts.opened),
      fetches: server.counts.fetches,
      faults,
    }
  } catch (thrown) {
    throw new Error([(thrown as Error).message, ...faults].join('\n'))
  } finally {
    await context.close()
  }
}

async function check(consumer: Consumer, folder: string, tarball: string, server: TestServer, browser: Browser) {
  const { name, note, host, sockets = 1 } = consumer
  const began = Date.now()
  let dev: Awaited<ReturnType<typeof startDev>> | undefined
  const told: Result = { name, note, host: '-', warnings: 0, sockets: 0, fetches: 0, seconds: 0, faults: [] }
  const seconds = () => Math.round((Date.now() - began) / 1000)
  try {
    install(consumer, folder, tarball, server.address)
    const copies = copiesOfQueryCore(folder)
    const [program = '', ...args] = consumer.build ?? []
    const output = consumer.build ? run(folder, join(folder, 'node_modules/.bin', program), args) : ''
    server.serve(consumer, folder)
    if (consumer.dev) dev = await startDev(folder, consumer.dev)
    const page = pathToFileURL(join(outOf(consumer, folder), 'index.html')).href
    const base = consumer.isFile ? page : `${dev?.address ?? server.address}${consumer.base ?? '/'}`
    const seen = await use(browser, server, consumer, base)
    const warnings = warningsIn(output + (dev?.output() ?? ''))
    const faults = [...seen.faults, ...warnings]
    if (copies !== 1) faults.push(`${copies} copies of @tanstack/query-core`)
    if (seen.hosts.join() !== host) faults.push(`the hub's host is ${seen.hosts.join(' and ')}, not ${host}`)
    if (seen.sockets !== sockets) faults.push(`${seen.sockets} connections, not ${sockets}`)
    if (seen.fetches !== TABS) faults.push(`${seen.fetches} fetches for an event in ${TABS} tabs`)
    const figures = { host: seen.hosts.join(), warnings: warnings.length, sockets: seen.sockets, fetches: seen.fetches }
    return { ...told, ...figures, seconds: seconds(), faults }
  } catch (thrown) {
    return { ...told, seconds: seconds(), faults: [(thrown as Error).message] }
  } finally {
    if (dev && dev.child.exitCode === null) {
      const ended = once(dev.child, 'exit')
      dev.child.kill()
      await ended
    }
  }
}

const rowOf = ({ name, host, warnings, sockets, fetches, faults, note = '' }: Result): string =>
  `| ${name} | ${host} | ${warnings} | ${sockets} | ${fetches} | ${faults.length === 0 ? note : 'does not work'} |`

/** The docs' table stands between two marks. An app that was not run now keeps its row. */
function writeTable(results: readonly Result[]): void {
  const path = join(root, 'docs/browsers.md')
  const marks = /(<!-- consumers -->\n)([\s\S]*?)(\n<!-- \/consumers -->)/
  const text = readFileSync(path, 'utf8')
  const former = marks.exec(text)?.[2]
  if (former === undefined) throw new Error('docs/browsers.md has no place for the table')
  const rows = CONSUMERS.map(({ name, note = '' }) => {
    const result = results.find((one) => one.name === name)
    const kept = former.split('\n').find((row) => row.startsWith(`| ${name} |`))
    return result ? rowOf(result) : (kept ?? `| ${name} | not run yet | | | | ${note} |`)
  })
  const head = ['| app | host | build warnings | connections | fetches | |', '|---|---|---|---|---|---|']
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
  },
})
const { only = '', quick = false, write = false } = values
const wanted = CONSUMERS.filter(
  ({ name, isQuick }) => name.toLowerCase().includes(only.toLowerCase()) && (isQuick || !quick),
)
if (wanted.length === 0) throw new Error(`no app's name contains '${only}'`)
if (!existsSync(join(root, 'dist/worker.js'))) throw new Error('there is no built package: run `npm run build` first')
if (!ensureBrowser()) process.exit(1)

const temporary = mkdtempSync(join(tmpdir(), 'partyline-consumers-'))
const server = await startServer()
// Electron lets pages on file:// load their modules.
const browser = await chromium.launch({ ...findBrowser(), args: [...BROWSER_ARGS, '--allow-file-access-from-files'] })
try {
  execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', temporary], { cwd: root, stdio: 'pipe' })
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  const tarball = join(temporary, `partyline-${version}.tgz`)
  const results: Result[] = []
  for (const consumer of wanted) {
    const folder = mkdtempSync(join(temporary, 'app-'))
    const result = await check(consumer, folder, tarball, server, browser)
    results.push(result)
    if (write) writeTable(results)
    const { name, host, sockets, fetches, warnings, seconds, faults } = result
    console.log(
      `${faults.length === 0 ? 'ok    ' : 'FAILED'} ${name}: ${host}, ${sockets} connections, ${fetches} fetches, ${warnings} warnings, ${seconds} s`,
    )
    for (const fault of faults) console.log(`  ${fault.replaceAll('\n', '\n  ')}`)
    if (!values.keep) rmSync(folder, { recursive: true, force: true })
  }
  if (results.some(({ faults }) => faults.length > 0)) process.exitCode = 1
} finally {
  await browser.close()
  server.close()
  if (!values.keep) rmSync(temporary, { recursive: true, force: true })
}
