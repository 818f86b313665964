import type { Server as HttpServer } from 'node:http'
import type { BrowserContext, Page } from '@playwright/test'
import type { Demo } from '../demo/server/server.js'

/** Something that was sent or stored where other code can read it. */
export interface Heard {
  readonly where: string
  readonly text: string
}

declare global {
  interface Window {
    heard(where: string, text: string): void
    /** Every error that was created in this page, caught or not. */
    everyError: unknown[]
    inText(value: unknown): string
  }
}

/**
 * Runs first in every page, and in the worker. It records what is posted on channels and written to consoles, what is stored,
 * and the names of locks, workers and channels. A MessagePort is private to its two ends, and is recorded only as a check of
 * the recorder. It is turned into text, so it uses nothing of this module.
 */
export function listenToScope(): void {
  const scope = globalThis as unknown as Record<string, { prototype: Record<string, unknown> } | undefined>
  const isPage = typeof window !== 'undefined'

  /** Errors, maps and bytes as text too; JSON alone would drop them. */
  function inText(value: unknown): string {
    const seen = new Set<unknown>()
    const show = (_key: string, one: unknown): unknown => {
      if (typeof one !== 'object' || one === null) return typeof one === 'bigint' ? String(one) : one
      if (seen.has(one)) return '(seen)'
      seen.add(one)
      if (one instanceof Error) return { ...one, message: one.message, stack: one.stack, cause: one.cause }
      if (one instanceof Map || one instanceof Set) return [...one]
      if (one instanceof ArrayBuffer || ArrayBuffer.isView(one)) return new TextDecoder().decode(one)
      if (one instanceof Request || one instanceof Response) return one.url
      return one
    }
    return JSON.stringify(value, show) ?? String(value)
  }

  // A worker can report only to the pages.
  const relay = new BroadcastChannel('the-test-listens')
  const post = relay.postMessage.bind(relay)
  const record = (where: string, what: unknown): void => {
    if (isPage) window.heard(`page: ${where}`, inText(what))
    else post({ where: `worker: ${where}`, text: inText(what) })
  }

  const listenTo = (owner: Record<string, unknown> | undefined, what: string, methods: readonly string[]): void => {
    for (const method of owner ? methods : []) {
      const native = owner?.[method] as (...args: unknown[]) => unknown
      if (!owner || typeof native !== 'function') continue
      owner[method] = function (this: { name?: unknown }, ...args: unknown[]) {
        // React schedules its work by posting null, thousands of times.
        if (args[0] !== null) record(`${what}.${method}`, what === 'BroadcastChannel' ? [this.name, ...args] : args)
        return native.apply(this, args)
      }
    }
  }
  const classes = {
    BroadcastChannel: ['postMessage'],
    MessagePort: ['postMessage'],
    Storage: ['setItem'],
    IDBObjectStore: ['add', 'put'],
    IDBFactory: ['open'],
    Cache: ['add', 'addAll', 'put'],
    CacheStorage: ['open'],
    History: ['pushState', 'replaceState'],
    LockManager: ['request'],
    Navigator: ['sendBeacon'],
  }
  for (const [name, methods] of Object.entries(classes)) listenTo(scope[name]?.prototype, name, methods)
  listenTo(console as never, 'console', ['debug', 'dir', 'error', 'info', 'log', 'table', 'trace', 'warn'])

  if (!isPage) {
    // The test has the worker leak a token, to see whether that is found.
    relay.onmessage = ({ data }) => {
      if (data.leak === undefined) return
      console.log('leaked', data.leak)
      new BroadcastChannel('leak').postMessage(data.leak)
    }
    return
  }
  relay.onmessage = ({ data }) => {
    if (data.where) window.heard(data.where, data.text)
  }
  listenTo(window as never, 'window', ['postMessage'])
  addEventListener('message', ({ data }) => record('message', data))
  if (window.SharedWorker) {
    window.SharedWorker = class extends window.SharedWorker {
      constructor(url: string | URL, options?: string | WorkerOptions) {
        record('SharedWorker', [String(url), options])
        super(url, options)
      }
    }
  }

  // Fields are added to an error after it is created, so errors are read at the end.
  window.everyError = []
  window.inText = inText
  window.Error = new Proxy(Error, {
    construct(target, args, self) {
      const made = Reflect.construct(target, args, self) as object
      window.everyError.push(made)
      return made
    },
  })

  let ledger: Window['ledger']
  Object.defineProperty(window, 'ledger', {
    get: () => ledger,
    set(given: Window['ledger']) {
      ledger = given
      given.line.subscribe(() => record('status', given.line.status))
      given.line.onReceipt((receipt) => record('receipt', receipt))
    },
  })
}

/** Records wherever a secret could leak, in the browser and at the server. */
export async function startRecorder(demo: Demo, context: BrowserContext) {
  /** Every token that was ever given out. */
  const tokens: string[] = []
  const issue = demo.sessions.issueToken.bind(demo.sessions)
  demo.sessions.issueToken = async (session) => {
    const token = await issue(session)
    tokens.push(token)
    return token
  }

  const heard: Heard[] = []
  const record = (where: string, what: unknown) =>
    void heard.push({ where, text: typeof what === 'string' ? what : JSON.stringify(what) })
  await context.exposeBinding('heard', (_source, where: string, text: string) => record(where, text))
  await context.addInitScript(listenToScope)
  context.on('request', (request) => record('page: url', request.url()))
  context.on('console', (message) => record('page: console', message.text()))
  context.on('weberror', (error) => record('page: uncaught', error.error().stack ?? String(error.error())))

  // Socket.IO does not expose its server.
  const { httpServer } = demo.io as unknown as { httpServer: HttpServer }
  httpServer.on('request', ({ url, headers }) => record('server: request', [url, headers]))
  httpServer.on('upgrade', ({ url, headers }) => record('server: upgrade', [url, headers]))

  /** Records what a tab stores and shows: to be called before it closes, and at the end. */
  async function look(page: Page): Promise<void> {
    const found = await page.evaluate(async () => {
      const caches = await window.caches.keys()
      const { held = [], pending = [] } = await navigator.locks.query()
      const { line, errors } = window.ledger
      return {
        address: [location.href, history.state, document.referrer, document.title, window.name],
        resources: performance.getEntries().map(({ name }) => name),
        locks: [...held, ...pending].map(({ name }) => name),
        databases: await indexedDB.databases(),
        caches: await Promise.all(
          caches.map(async (name) => {
            const cache = await window.caches.open(name)
            const all = await cache.matchAll()
            return [name, (await cache.keys()).map(({ url }) => url), await Promise.all(all.map((one) => one.text()))]
          }),
        ),
        storage: [{ ...localStorage }, { ...sessionStorage }, document.cookie],
        'service workers': (await navigator.serviceWorker.getRegistrations()).map(({ scope }) => scope),
        status: line.status,
        // With the hub's records, and all that was recorded since the first look.
        inspection: await line.inspect(),
        onError: errors,
        errors: window.inText(window.everyError),
        queries: window.inText(
          window.ledger.queryClient
            .getQueryCache()
            .getAll()
            .map(({ queryKey, state }) => [queryKey, state]),
        ),
        document: document.documentElement.outerHTML,
      }
    })
    for (const [what, value] of Object.entries(found)) record(`page: ${what}`, value)
    record('page: stored', await context.storageState({ indexedDB: true }))
  }

  return {
    tokens,
    look,
    /** How often something was recorded, by place. */
    counts(): Record<string, number> {
      const counts: Record<string, number> = {}
      for (const { where } of heard) counts[where] = (counts[where] ?? 0) + 1
      return counts
    },
    /** The places of tokens. A MessagePort may carry one: it has one end in this tab and the other in the hub. */
    leaks: (): string[] => [...new Set(leaksIn(heard, tokens).filter((where) => !where.includes('MessagePort')))],
    /** Whether a token was recorded on a port, where it has to pass: this shows that the recorder finds tokens. */
    sawTokenOnPort: () => leaksIn(heard, tokens).some((where) => where.includes('MessagePort')),
  }
}

const leaksIn = (heard: readonly Heard[], tokens: readonly string[]) =>
  heard.filter(({ text }) => tokens.some((token) => text.includes(token))).map(({ where }) => where)
