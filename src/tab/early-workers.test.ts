import { QueryClient } from '@tanstack/react-query'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import './session.js'
import { createMemoryBrowser } from '../../test/browser.js'
import type { OpenSharedWorker } from '../platform/shared-worker.js'
import { createPartyline } from './create-partyline.js'
import type { PartylineOptions } from './options.js'

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

/** A tab whose workers are counted. `trouble`: what becomes of the first one. */
function setUp(options: Partial<PartylineOptions<never>> = {}, trouble?: 'throws' | 'error') {
  const browser = createMemoryBrowser({ sharedWorkers: true })
  const { environment } = browser.tab()
  const closed: number[] = []
  const opened: string[] = []
  const openSharedWorker: OpenSharedWorker = (name) => {
    const number = opened.push(name)
    if (number === 1 && trouble === 'throws') throw new DOMException('refused', 'SecurityError')
    const worker = environment.openSharedWorker?.(name)
    if (!worker) throw new Error('no worker')
    const close = worker.port.close.bind(worker.port)
    worker.port.close = () => {
      closed.push(number)
      close()
    }
    const addEventListener: typeof worker.addEventListener = (_type, listener) => {
      if (number === 1 && trouble === 'error') queueMicrotask(() => listener(new Event('error')))
    }
    return { port: worker.port, addEventListener }
  }
  const line = createPartyline(
    { url: 'https://api.example', invalidates: { changed: ['thing'] }, ...options },
    { ...environment, openSharedWorker },
  )
  const mount = () => line.mount({ queryClient: new QueryClient(), identity: 'ann' })
  return { browser, line, mount, opened, closed }
}

it('starts the worker at the mount, before the code of a session is there, and the session takes it', async () => {
  const { browser, line, mount, opened, closed } = setUp()
  mount()
  expect(opened).toHaveLength(1)
  await pass(1_000)
  expect(line.status).toMatchObject({ host: 'shared-worker', tabs: 1 })
  expect(browser.transport.live()).toBe(1)
  expect(opened).toHaveLength(1)
  expect(closed).toEqual([])
})

it('ends it with a mount that ends first', async () => {
  const { mount, opened, closed } = setUp()
  mount()()
  await pass(1_000)
  expect(opened).toHaveLength(1)
  expect(closed).toEqual([1])
})

it.each(['throws', 'error'] as const)('does without one that %s', async (trouble) => {
  const { line, mount, opened } = setUp({}, trouble)
  mount()
  await pass(1_000)
  expect(line.status).toMatchObject({ host: 'shared-worker', tabs: 1, steps: [] })
  expect(opened).toHaveLength(2)
  expect(new Set(opened).size).toBe(1)
})

it('starts none where the key is not known yet, or another host is forced', async () => {
  const asked = setUp({ url: async () => 'https://api.example' })
  asked.mount()
  expect(asked.opened).toEqual([])
  await pass(1_000)
  expect(asked.opened).toHaveLength(1)
  const forced = setUp({ host: 'leader-tab' })
  forced.mount()
  await pass(1_000)
  expect(forced.opened).toEqual([])
})
