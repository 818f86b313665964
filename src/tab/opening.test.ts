import { QueryClient } from '@tanstack/react-query'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import './session.js'
import { createMemoryBrowser } from '../../test/browser.js'
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

/** A server with the files `there`; each import fails with the next of `failures`. */
function setUpChunks({ failures = [] as Error[], gone = false, online = true, renamed = false } = {}) {
  const log: string[] = []
  const errors: string[] = []
  const next = () => {
    const failure = failures.shift()
    if (failure) throw failure
    return { createThing: () => 1 }
  }
  const { environment } = createMemoryBrowser().tab()
  const loadChunk = createChunkLoader(
    {
      ...environment,
      chunks: {
        load(load) {
          log.push('import')
          return load()
        },
        async loadFrom(url) {
          log.push(url.replace(FILE, ''))
          return renamed ? { a: next().createThing } : next()
        },
        isGone: async () => gone,
        isOnline: () => online,
      },
    },
    (code) => void errors.push(code),
  )
  const load = () => loadChunk(async () => next(), 'createThing')
  return { load, log, errors }
}

it.each([
  ['Chromium', inChromium, ['import', '?retry=1']],
  ['Firefox', inFirefox, ['import', '?retry=1']],
  ['Safari', inSafari, ['import', 'import']],
])('asks for a chunk again, at another address where %s names one', async (_browser, failure, asked) => {
  const { load, log, errors } = setUpChunks({ failures: [failure] })
  const loading = load()
  await pass(1_000)
  expect((await loading).createThing()).toBe(1)
  expect(log).toEqual(asked)
  expect(errors).toEqual([])
})

it('a chunk whose exports have other names is imported as the bundler does it', async () => {
  const { load, log } = setUpChunks({ failures: [inChromium], renamed: true })
  const loading = load()
  await pass(1_000)
  expect((await loading).createThing()).toBe(1)
  expect(log).toEqual(['import', '?retry=1', 'import'])
})

it('what is gone from the server is said once, as a stale build, and asked for again', async () => {
  const { load, log, errors } = setUpChunks({ failures: [inChromium, inChromium], gone: true })
  await expect(load()).rejects.toThrow(/reload the page/)
  await expect(load()).rejects.toThrow(/reload the page/)
  expect(errors).toEqual(['stale-build'])
  expect((await load()).createThing()).toBe(1)
  expect(log).toHaveLength(3)
})

it('three failures with the network up are a stale build; without a network they are not', async () => {
  for (const online of [true, false]) {
    const { load, errors, log } = setUpChunks({ failures: [inSafari, inSafari, inSafari], online })
    const loading = expect(load()).rejects.toThrow(online ? /reload the page/ : /Importing/)
    await pass(10_000)
    await loading
    expect(log).toHaveLength(3)
    expect(errors).toEqual(online ? ['stale-build'] : [])
  }
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
        isGone: async () => !there,
        isOnline: () => true,
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
