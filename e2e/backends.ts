import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BrowserContext, test as base, expect, type Page } from '@playwright/test'
import { build } from 'vite'
// What the page offers to tests: `window.notes`.
import type {} from '../examples/page/main.js'
import { type Backend, type RunningBackend, startBackend } from '../scripts/backends.js'
import { Missing, orMissing } from '../scripts/service.js'

export type { Page }
export { expect, Missing }

/** Bundles the page of the small backends as a user would. */
async function buildPage(): Promise<{ readonly folder: string; remove(): void }> {
  const folder = mkdtempSync(join(tmpdir(), 'partyline-page-'))
  const configFile = fileURLToPath(new URL('../examples/page/vite.config.ts', import.meta.url))
  await build({ configFile, logLevel: 'error', build: { outDir: folder, emptyOutDir: true } })
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** The page and a backend at one address, as a web server would have them; it counts what passes. */
export interface Front {
  readonly url: string
  /** Connections of the line: those that are open, and all so far. */
  readonly open: number
  readonly opened: number
  /** GETs of data since they were taken last. */
  takeFetches(): string[]
  /** Ends the line's connections without a word, as a router does. */
  cut(): void
  close(): void
}

const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript' }
const isLine = (path: string) => path.startsWith('/line') || path.startsWith('/socket.io/')

/** Without a folder, the backend has its own page. */
export async function openFront(folder: string | undefined, port: number): Promise<Front> {
  const sockets = new Set<{ destroy(): unknown }>()
  let opened = 0
  let fetches: string[] = []
  // A connection each: a server may end an idle one just when it is used once more.
  const passOn = ({ method, url: path, headers }: IncomingMessage) =>
    ({ port, method, path, headers, agent: false }) as const

  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://page')
    if (folder !== undefined && !pathname.startsWith('/api/') && !isLine(pathname)) {
      const file = join(folder, normalize(pathname === '/' ? '/index.html' : pathname))
      if (!existsSync(file)) return void response.writeHead(404).end()
      return void response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? '' }).end(readFileSync(file))
    }
    if (request.method === 'GET' && /note|board|balance|transactions/.test(pathname)) fetches.push(pathname)
    // A stream of Server-Sent Events.
    if (request.method === 'GET' && pathname === '/line') {
      sockets.add(response)
      opened++
      response.on('close', () => sockets.delete(response))
    }
    const passed = httpRequest(passOn(request), (answer) => {
      answer.on('error', () => response.destroy())
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    passed.on('error', () => response.destroy())
    response.on('close', () => passed.destroy())
    request.pipe(passed)
  })
  // For the same reason. Node's default is 5 s.
  server.keepAliveTimeout = 600_000
  server.on('upgrade', (request, browser: Socket, head) => {
    const backend = connect(port, '127.0.0.1')
    sockets.add(browser)
    opened++
    const lines = [`${request.method} ${request.url} HTTP/1.1`]
    for (let i = 0; i < request.rawHeaders.length; i += 2)
      lines.push(`${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}`)
    backend.write(`${lines.join('\r\n')}\r\n\r\n`)
    backend.write(head)
    browser.pipe(backend).pipe(browser)
    for (const [one, other] of [
      [browser, backend],
      [backend, browser],
    ] as const) {
      one.on('error', () => undefined)
      one.on('close', () => {
        sockets.delete(browser)
        other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get open() {
      return sockets.size
    },
    get opened() {
      return opened
    },
    takeFetches() {
      const taken = fetches.sort()
      fetches = []
      return taken
    },
    cut() {
      for (const socket of sockets) socket.destroy()
    },
    close() {
      server.close()
      server.closeAllConnections()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** A browser at a backend's front. */
export class Reader {
  constructor(
    readonly front: Front,
    readonly transport: Backend['transport'],
    readonly context: BrowserContext,
  ) {}

  async request(method: string, path: string, data?: object) {
    const answer = await this.context.request.fetch(`${this.front.url}/api/${path}`, { method, data })
    expect(answer.ok(), `${method} ${path}: ${answer.status()}`).toBe(true)
    const text = await answer.text()
    return text ? JSON.parse(text) : undefined
  }

  /** Without a page. */
  signIn = (name: string) => this.request('POST', 'session', { name })

  async open(parameters: Readonly<Record<string, string>> = {}): Promise<Page> {
    const page = await this.context.newPage()
    await page.goto(`${this.front.url}/?${new URLSearchParams({ transport: this.transport, ...parameters })}`)
    return page
  }
}

export const status = (page: Page) => page.evaluate(() => window.notes.line.status)

/** Connected, in the topic, and nothing left to fetch. */
export const atRest = (page: Page) =>
  page.waitForFunction(
    () => {
      if (!window.notes) return false
      const { line, queryClient, board } = window.notes
      const queries = queryClient.getQueryCache().getAll()
      const { name, lastGap, since, pending } = line.status
      // A hub says a moment after it is connected whether anything was missed: half a second later at most.
      const isDecided = lastGap !== undefined || Date.now() - since > 1_000
      const isIdle = queries.every(({ state }) => state.fetchStatus === 'idle' && state.data && !state.isInvalidated)
      return name === 'connected' && board.name === 'joined' && isDecided && pending.count === 0 && isIdle
    },
    undefined,
    { timeout: 90_000 },
  )

export const shows = async (pages: readonly Page[], name: 'note' | 'board', text: string) => {
  for (const page of pages) await expect(page.locator(`#${name}`)).toHaveValue(text)
}

interface WorkerFixtures {
  builtPage: string
  /** One process of each backend, for all tests of a worker. */
  start(backend: Backend): Promise<RunningBackend | Missing>
}

interface TestFixtures {
  /** A browser of its own at a front of its own; skips the test where the backend can't run. */
  read(backend: Backend): Promise<{ readonly reader: Reader; readonly running: RunningBackend }>
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  builtPage: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures that are needed off this pattern.
    async ({}, use) => {
      const page = await buildPage()
      await use(page.folder)
      page.remove()
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  start: [
    // biome-ignore lint/correctness/noEmptyPattern: as above.
    async ({}, use) => {
      const running = new Map<string, Promise<RunningBackend | Missing>>()
      await use((backend) => {
        const known = running.get(backend.name) ?? orMissing(startBackend(backend))
        running.set(backend.name, known)
        return known
      })
      for (const one of running.values()) await one.then((it) => (it instanceof Missing ? undefined : it.stop()))
    },
    { scope: 'worker', timeout: 300_000 },
  ],
  read: async ({ browser, builtPage, start }, use) => {
    const ends: (() => unknown)[] = []
    await use(async (backend) => {
      const running = await start(backend)
      if (running instanceof Missing) {
        test.skip(true, running.message)
        throw running
      }
      const front = await openFront(builtPage, running.port)
      const context = await browser.newContext()
      ends.push(
        () => context.close(),
        () => front.close(),
      )
      return { reader: new Reader(front, backend.transport, context), running }
    })
    for (const end of ends) await end()
  },
})
