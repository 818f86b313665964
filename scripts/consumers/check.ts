import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import type { Browser, Page } from 'playwright'
import type { Status } from '../../src/index.js'
import { freePort } from '../service.js'
import { type Command, type Consumer, outOf, type TestServer, templateOf } from './consumer.js'

const TABS = 3
const STEP_LIMIT_MS = 600_000
const PAGE_LIMIT_MS = 120_000
/** Longer than a resync's jitter and a debounce. */
const QUIET_MS = 4_000
const root = resolve(import.meta.dirname, '../..')

/** What one app did. */
export interface Result {
  readonly consumer: Consumer
  readonly host: string
  readonly warnings: number
  readonly sockets: number
  /** Fetches of the first tab when it is opened, and of each of the others. */
  readonly opening: readonly [first: number, other: number]
  /** Fetches of all tabs for one event. */
  readonly fetches: number
  readonly seconds: number
  readonly faults: readonly string[]
}

/** An app that is installed and built, or what went wrong with it. */
export interface Prepared {
  readonly consumer: Consumer
  readonly folder: string
  readonly output: string
  readonly seconds: number
  readonly faults: readonly string[]
}

const environment = (more: object = {}) => {
  const quiet = {
    NO_COLOR: '1',
    FORCE_COLOR: '0',
    NUXT_TELEMETRY_DISABLED: '1',
    ASTRO_TELEMETRY_DISABLED: '1',
  }
  // With `CI`, Next.js warns of a cache that a fresh machine does not have.
  const { NODE_ENV: _, CI: __, ...rest } = process.env
  return { ...rest, ...quiet, NEXT_TELEMETRY_DISABLED: '1', ...more }
}

const programOf = (folder: string, program = ''): string =>
  program === 'npm' ? program : program === 'node' ? process.execPath : join(folder, 'node_modules/.bin', program)

/** Gives what the program says. Throws it if the program fails. */
export async function run(folder: string, [program, ...args]: Command): Promise<string> {
  const options = { cwd: folder, env: environment(), timeout: STEP_LIMIT_MS }
  const child = spawn(programOf(folder, program), args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} failed:\n${said.slice(-3_000)}`)
  return said
}

export function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}

export const install = (folder: string): Promise<string> =>
  run(folder, ['npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'])

/** The installed copies of a package. */
async function copiesOf(folder: string, name: string): Promise<number> {
  // `npm ls` fails where there is none.
  const listed = await run(folder, ['npm', 'ls', name, '--all', '--parseable']).catch((thrown: Error) => thrown.message)
  return new Set(listed.split('\n').filter((path) => path.endsWith(`node_modules/${name}`))).size
}

/** Lines of a build's output that warn. */
const warningsIn = (output: string): string[] =>
  output.split('\n').filter((line) => /\bwarn(ing)?s?\b|⚠/i.test(line) && !/\b0 warnings\b|deprecated/i.test(line))

/** Installs and builds an app. Never throws. */
export async function prepare(
  consumer: Consumer,
  folder: string,
  tarball: string,
  server: TestServer,
): Promise<Prepared> {
  const { packages, manifest, isWithoutReact, builds = [] } = consumer
  const began = performance.now()
  const faults: string[] = []
  let output = ''
  try {
    const react = isWithoutReact ? {} : { '@tanstack/react-query': '^5', react: '^19', 'react-dom': '^19' }
    const dependencies = { ...react, ...packages, partyline: `file:${tarball}` }
    write(folder, {
      ...consumer.files(templateOf(root), server.addresses),
      'package.json': JSON.stringify({ name: 'consumer', private: true, type: 'module', dependencies, ...manifest }),
    })
    await install(folder)
    // More than one copy of it would be two caches.
    const expected = { '@tanstack/query-core': 1, react: isWithoutReact ? 0 : 1 }
    for (const [name, copies] of Object.entries(expected)) {
      const found = await copiesOf(folder, name)
      if (found !== copies) faults.push(`${found} copies of ${name}, not ${copies}`)
    }
    for (const command of builds) output += await run(folder, command)
  } catch (thrown) {
    faults.push((thrown as Error).message)
  }
  return { consumer, folder, output, seconds: (performance.now() - began) / 1000, faults }
}

/** Starts a development server, which says its address, or a server of what was built, which is told its port. */
async function startApp(folder: string, { dev, start = [] }: Consumer) {
  const port = await freePort()
  const [program, ...args] = (dev ?? start).map((part) => (part === 'PORT' ? String(port) : part))
  const more = { PORT: String(port), HOST: '127.0.0.1', ...(!dev && { NODE_ENV: 'production' }) }
  const child: ChildProcess = spawn(programOf(folder, program), args, { cwd: folder, env: environment(more) })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (output += text))
  const until = performance.now() + PAGE_LIMIT_MS
  const isUp = async (address: string) => (await fetch(address).catch(() => undefined))?.ok === true
  const stop = async () => {
    if (child.exitCode !== null) return
    const ended = once(child, 'exit')
    child.kill()
    await ended
  }
  for (;;) {
    const address = dev ? /https?:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0] : `http://127.0.0.1:${port}`
    if (address && (dev || (await isUp(address)))) return { address, output: () => output, stop }
    if (performance.now() > until || child.exitCode !== null) {
      await stop()
      throw new Error(`the app's server does not answer:\n${output}`)
    }
    await sleep(100)
  }
}

/** The development server bundles dependencies when they are first asked for, and reloads the page. */
async function warmUp(browser: Browser, address: string): Promise<void> {
  const context = await browser.newContext()
  context.setDefaultTimeout(PAGE_LIMIT_MS)
  const page = await context.newPage()
  let loads = 0
  page.on('load', () => loads++)
  await page.goto(address)
  for (let before = -1; before !== loads; ) {
    before = loads
    await page.getByText('connected, 1 tabs on one socket').waitFor()
    await sleep(QUIET_MS)
  }
  await context.close()
}

/** Connected, and the resync of its first connection is over: a hub says within half a second whether anything was missed. */
async function atRest(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    const { name, lastGap, since, pending } = (window as unknown as { line: { status: Status } }).line.status
    return name === 'connected' && (lastGap || Date.now() - since > 1_000) && pending.count === 0
  })
}

/** Opens the tabs, changes something in one of them, and counts. */
async function use(browser: Browser, server: TestServer, { consumer, folder }: Prepared, address: string) {
  const { counts } = server
  const faults: string[] = []
  const context = await browser.newContext()
  context.setDefaultTimeout(PAGE_LIMIT_MS)
  const connected = async (pages: readonly Page[]) => {
    const tabs = consumer.host === 'this-tab' ? 1 : pages.length
    for (const page of pages) await page.getByText(`connected, ${tabs} tabs on one socket`).waitFor()
  }
  try {
    const pages: Page[] = []
    const open = async () => {
      const page = await context.newPage()
      page.on('pageerror', (error) => faults.push(`page: ${error.message}`))
      page.on('console', (message) => {
        const [text, { url }] = [message.text(), message.location()]
        if (!['error', 'warning'].includes(message.type()) || consumer.says?.test(text)) return
        // Not every framework's server has an icon.
        if (!url.endsWith('/favicon.ico')) faults.push(`console: ${text} (${url})`)
      })
      await page.goto(address)
      pages.push(page)
      await connected(pages)
    }
    /** What they fetch until nothing more comes. */
    const fetchesOf = async (act: () => Promise<void>) => {
      counts.fetches = 0
      await act()
      for (const page of pages) await atRest(page)
      await sleep(QUIET_MS)
      return counts.fetches
    }
    const first = await fetchesOf(open)
    const others = await fetchesOf(async () => {
      while (pages.length < TABS) await open()
    })
    const fetches = await fetchesOf(async () => {
      await pages[0]?.getByRole('button').click()
      for (const page of pages) await page.getByText(String(server.amount()), { exact: true }).waitFor()
    })
    const sockets = Math.max(server.sockets(), counts.opened)
    const hosts = await Promise.all(
      pages.map((page) =>
        page.evaluate(() => (window as unknown as { line: { status: { host: string } } }).line.status.host),
      ),
    )
    await consumer.more?.({
      ...{ consumer, folder, address, context, pages, server, connected },
      run: (command) => run(folder, command),
    })
    const opening = [first, others / (TABS - 1)] as const
    // A copy: while the tabs close, one after the other takes over and is cut off.
    return { hosts: [...new Set(hosts)], sockets, opening, fetches, faults: [...faults] }
  } catch (thrown) {
    throw new Error([(thrown as Error).message, ...faults].join('\n'))
  } finally {
    await context.close()
  }
}

/** Serves a prepared app, opens it, and says all that is not as it should be. Never throws. */
export async function check(prepared: Prepared, server: TestServer, browser: Browser): Promise<Result> {
  const { consumer, folder } = prepared
  const { host, html = [], opening = [2, 1] } = consumer
  const began = performance.now()
  const faults = [...prepared.faults]
  const told: Result = { consumer, host: '-', warnings: 0, sockets: 0, opening: [0, 0], fetches: 0, seconds: 0, faults }
  const seconds = () => prepared.seconds + (performance.now() - began) / 1000
  let app: Awaited<ReturnType<typeof startApp>> | undefined
  try {
    if (faults.length > 0) return { ...told, seconds: seconds() }
    server.serve({ consumer, folder })
    if (consumer.dev || consumer.start) app = await startApp(folder, consumer)
    const page = pathToFileURL(join(outOf(consumer, folder), 'index.html')).href
    const address = consumer.isFile ? page : `${app?.address ?? server.addresses.server}${consumer.base ?? '/'}`
    const answer = html.length > 0 ? await (await fetch(address)).text() : ''
    for (const wanted of html)
      if (!wanted.test(answer)) faults.push(`the server's answer has no ${wanted}: ${answer.slice(0, 2_000)}`)
    if (consumer.dev) await warmUp(browser, address)
    server.counts.opened = 0
    const seen = await use(browser, server, prepared, address)
    const warnings = warningsIn(prepared.output + (app?.output() ?? ''))
    faults.push(...seen.faults, ...warnings)
    if (seen.hosts.join() !== host) faults.push(`the hub's host is ${seen.hosts.join(' and ')}, not ${host}`)
    if (seen.sockets !== 1) faults.push(`${seen.sockets} connections, not 1`)
    if (seen.opening[0] > opening[0] || seen.opening[1] > opening[1])
      faults.push(`the first tab fetched ${seen.opening[0]} times and each other one ${seen.opening[1]}: too often`)
    if (seen.fetches !== TABS) faults.push(`${seen.fetches} fetches for an event in ${TABS} tabs`)
    const { sockets, fetches } = seen
    const figures = { host: seen.hosts.join(), warnings: warnings.length, sockets, opening: seen.opening, fetches }
    return { ...told, ...figures, seconds: seconds() }
  } catch (thrown) {
    return { ...told, seconds: seconds(), faults: [...faults, (thrown as Error).message, app?.output() ?? ''] }
  } finally {
    await app?.stop()
  }
}
