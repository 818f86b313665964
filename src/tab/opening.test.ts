import { QueryClient } from '@tanstack/react-query'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import './session.js'
import './tab-hosts.js'
import { createMemoryBrowser } from '../../test/browser.js'
import type { FileState } from '../platform/line-powers.js'
import type { PartylineError } from '../util/errors.js'
import { createPartyline } from './create-partyline.js'
import { createChunkLoader } from './load-chunk.js'

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)
const HOUR_MS = 3_600_000

/** A line whose server's address is what `url` gives. */
function setUp(url: unknown) {
  const browser = createMemoryBrowser({ sharedWorkers: true })
  const errors: PartylineError[] = []
  const asked: number[] = []
  const began = Date.now()
  const line = createPartyline(
    {
      url:
        typeof url === 'function'
          ? () => {
              asked.push(Date.now() - began)
              return url()
            }
          : (url as string),
      invalidates: { changed: ['thing'] },
      onError: (error) => errors.push(error),
    },
    browser.tab().environment,
  )
  const mount = () => line.mount({ queryClient: new QueryClient(), identity: 'ann' })
  return { browser, line, mount, asked, errors, codes: () => errors.map(({ code }) => code) }
}

const refused: [string, () => unknown, string][] = [
  ['never settles', () => new Promise(() => undefined), 'connect-failed'],
  ['throws', () => expect.fail('offline'), 'connect-failed'],
  ['rejects', async () => expect.fail('offline'), 'connect-failed'],
  ['gives undefined', () => undefined, 'bad-option'],
  ['gives nothing', async () => '', 'bad-option'],
  ['gives an object', () => ({ href: 'https://api.example' }), 'bad-option'],
  ['gives what is no address', () => 'https://', 'bad-option'],
]

it.each(refused)(
  'a url function that %s is an error, and is asked again with growing pauses',
  async (_what, url, code) => {
    const { line, mount, asked, codes, errors } = setUp(url)
    mount()
    await pass(HOUR_MS)
    expect(codes()).toEqual([code])
    expect(errors[0]?.message).toMatch(/url|address|URL/)
    expect(line.status).toMatchObject({ name: 'connecting', reason: expect.stringMatching(/url/) })
    // A pause lasts a minute at most.
    expect(asked.length).toBeGreaterThan(45)
    expect(asked.length).toBeLessThan(200)
    const pauses = asked.slice(1).map((at, index) => at - (asked[index] ?? 0))
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(100)
  },
)

it('connects as soon as the url function gives an address, and a retry does not wait', async () => {
  let address: string | undefined
  const { browser, line, mount, codes } = setUp(() => address)
  mount()
  await pass(HOUR_MS)
  address = 'https://api.example'
  line.retry()
  await pass(0)
  expect(browser.transport.live()).toBe(1)
  expect(codes()).toEqual(['bad-option'])
})

it('an empty url is reported, and the page’s own origin is taken', async () => {
  const { browser, mount, codes } = setUp('')
  mount()
  await pass(0)
  expect(codes()).toEqual(['bad-option'])
  expect(browser.transport.last.settings.url).toBe('https://app.example/')
})

it('leaves no timer behind when it is unmounted on the way', async () => {
  const { mount } = setUp(() => undefined)
  const unmount = mount()
  await pass(10_000)
  unmount()
  await pass(0)
  expect(vi.getTimerCount()).toBe(0)
})

const FILE = 'https://app.example/assets/session-a1b2.js'
const inChromium = new TypeError(`Failed to fetch dynamically imported module: ${FILE}`)
const inFirefox = new TypeError(`error loading dynamically imported module: ${FILE}`)
const inSafari = new TypeError('Importing a module script failed.')

interface ChunkWorld {
  /** The next imports fail so. */
  failures?: Error[]
  /** What the server says of a file. */
  state?: FileState
  renamed?: boolean
  /** As in Firefox, what has failed at an address fails there for good. */
  keepsFailures?: boolean
  /** How long an import takes to fail. Milliseconds. */
  failsAfterMs?: number
}

/** A server with one chunk. */
function setUpChunks(world: ChunkWorld = {}) {
  const { failures = [], state = 'there', renamed = false, keepsFailures = false, failsAfterMs = 0 } = world
  const log: string[] = []
  const errors: string[] = []
  const server = { failures, state }
  const failed = new Map<string, Error>()
  const next = (address: string) => {
    const failure = failed.get(address) ?? server.failures.shift()
    if (failure && keepsFailures) failed.set(address, failure)
    if (failure) throw failure
    return { createThing: () => 1 }
  }
  const { environment } = createMemoryBrowser().tab()
  const loadChunk = createChunkLoader(
    {
      ...environment,
      chunks: {
        async load(load) {
          log.push('import')
          if (server.failures.length > 0) await new Promise((resolve) => setTimeout(resolve, failsAfterMs))
          return load()
        },
        async loadFrom(url) {
          const address = url.replace(FILE, '')
          log.push(address)
          return renamed ? { a: next(address).createThing } : next(address)
        },
        look: async () => server.state,
      },
    },
    (code) => void errors.push(code),
  )
  const load = () => loadChunk(async () => next('import'), 'createThing')
  return { load, log, errors, server }
}

/** Waits for it in fake time. */
async function settle<T>(loading: Promise<T>): Promise<T> {
  loading.catch(() => undefined)
  await pass(10_000)
  return loading
}

it.each([
  ['Chromium', inChromium, ['import', '?retry=1']],
  ['Firefox', inFirefox, ['import', '?retry=1']],
  ['Safari', inSafari, ['import', 'import']],
])('asks for a chunk again, at another address where %s names one', async (_browser, failure, asked) => {
  const { load, log, errors } = setUpChunks({ failures: [failure] })
  expect((await settle(load())).createThing()).toBe(1)
  expect(log).toEqual(asked)
  expect(errors).toEqual([])
})

it('a chunk whose exports have other names is imported as the bundler does it', async () => {
  const { load, log } = setUpChunks({ failures: [inChromium], renamed: true })
  expect((await settle(load())).createThing()).toBe(1)
  expect(log).toEqual(['import', '?retry=1', 'import'])
})

it('a chunk is loaded once, also for those who ask at the same time, and is one module for good', async () => {
  const { load, log } = setUpChunks({ failures: [inFirefox], keepsFailures: true })
  const both = await settle(Promise.all([load(), load()]))
  expect(both[0]).toBe(both[1])
  expect(await load()).toBe(both[0])
  expect(log).toEqual(['import', '?retry=1'])
})

it('what is gone from the server is said once, as a stale build, and each later request is at another address', async () => {
  const { load, log, errors, server } = setUpChunks({
    failures: [inFirefox, inFirefox, inFirefox, inFirefox],
    state: 'gone',
    keepsFailures: true,
  })
  for (let request = 0; request < 3; request++) await expect(settle(load())).rejects.toThrow(/reload the page/)
  expect(errors).toEqual(['stale-build'])
  server.state = 'there'
  expect((await settle(load())).createThing()).toBe(1)
  expect(log.filter((address) => address !== 'import')).toEqual([1, 2, 3, 4].map((n) => `?retry=${n}`))
})

it('three failures that name no file are a stale build where the server answers, and none where it is out of reach', async () => {
  const three = [inSafari, inSafari, inSafari]
  const there = setUpChunks({ failures: [...three] })
  await expect(settle(there.load())).rejects.toThrow(/reload the page/)
  expect(there.errors).toEqual(['stale-build'])

  const away = setUpChunks({ failures: [...three, ...three], state: 'unreachable' })
  for (let request = 0; request < 2; request++) await expect(settle(away.load())).rejects.toThrow(/Importing/)
  // The last attempt failed before the network was back.
  const back = setUpChunks({ failures: [...three], state: 'unreachable' })
  const failing = expect(settle(back.load())).rejects.toThrow(/Importing/)
  await pass(100)
  back.server.state = 'there'
  await failing
  expect([...away.errors, ...back.errors]).toEqual([])
  expect((await settle(away.load())).createThing()).toBe(1)
})

it('what took long to fail was lost on its way: the server refuses at once', async () => {
  const { load, errors } = setUpChunks({ failures: [inSafari, inSafari, inSafari], failsAfterMs: 20_000 })
  const loading = load()
  loading.catch(() => undefined)
  await pass(70_000)
  await expect(loading).rejects.toThrow(/Importing/)
  expect(errors).toEqual([])
})

it.each([
  ['Chromium', inChromium],
  ['Firefox', inFirefox],
])('a file that the server has is not gone, however often its import has failed (%s)', async (_browser, failure) => {
  const { load, errors } = setUpChunks({ failures: Array.from({ length: 6 }, () => failure) })
  await expect(settle(load())).rejects.toThrow(/dynamically imported/)
  expect(errors).toEqual([])
  expect((await settle(load())).createThing()).toBe(1)
})

it('a hole in the network is no stale build, also after one was said', async () => {
  const { load, log, errors, server } = setUpChunks({
    failures: Array.from({ length: 5 }, () => inFirefox),
    state: 'gone',
    keepsFailures: true,
  })
  await expect(settle(load())).rejects.toThrow(/reload the page/)
  server.state = 'unreachable'
  await expect(settle(load())).rejects.toThrow(/error loading/)
  expect((await settle(load())).createThing()).toBe(1)
  expect(errors).toEqual(['stale-build'])
  expect(log.at(-1)).toBe('?retry=5')
})

it('the code of a session is asked for before anybody signs in, and its loss does not end the line', async () => {
  const browser = createMemoryBrowser({ sharedWorkers: true })
  let there = false
  let loads = 0
  const codes: string[] = []
  const line = createPartyline(
    { invalidates: {}, onError: ({ code }) => codes.push(code) },
    {
      ...browser.tab().environment,
      chunks: {
        async load(load) {
          loads++
          if (!there) throw inChromium
          return load()
        },
        loadFrom: () => Promise.reject(inChromium),
        look: async () => (there ? 'there' : 'gone'),
      },
    },
  )
  await pass(5_000)
  expect(loads).toBe(1)
  expect(codes).toEqual(['stale-build'])
  line.mount({ queryClient: new QueryClient(), identity: 'ann' })
  await pass(60_000)
  expect(codes).toEqual(['stale-build', 'no-host'])
  expect(line.status).toMatchObject({ name: 'connecting', reason: expect.stringContaining('reload the page') })
  there = true
  await pass(120_000)
  expect(browser.transport.live()).toBe(1)
})

it('the code of shared fetches is asked for again, ever more slowly, until it is there or the session has ended', async () => {
  const browser = createMemoryBrowser({ sharedWorkers: true })
  let there = false
  let asked = 0
  const codes: string[] = []
  const line = createPartyline(
    { invalidates: {}, shareFetches: true, onError: ({ code }) => codes.push(code) },
    {
      ...browser.tab().environment,
      chunks: {
        async load(load) {
          const isSharing = String(load).includes('sharing')
          if (isSharing) asked++
          if (isSharing && !there) throw inChromium
          return load()
        },
        loadFrom: () => Promise.reject(inChromium),
        look: async () => 'gone',
      },
    },
  )
  const mount = (identity: string) => line.mount({ queryClient: new QueryClient(), identity })
  mount('ann')
  await pass(HOUR_MS)
  expect(codes.filter((code) => code !== 'connect-failed')).toEqual(['stale-build', 'share-failed'])
  expect(asked).toBeGreaterThan(10)
  expect(asked).toBeLessThan(60)
  line.signOut()
  await pass(0)
  const before = asked
  await pass(HOUR_MS)
  expect(asked).toBe(before)
  mount('bob')
  await pass(60_000)
  expect(asked).toBeGreaterThan(before + 1)
  there = true
  await pass(HOUR_MS)
  const loaded = asked
  await pass(HOUR_MS)
  expect(asked).toBe(loaded)
})
