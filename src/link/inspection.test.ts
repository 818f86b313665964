import { notifyManager, QueryClient } from '@tanstack/react-query'
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import '../hub/tab-hub.js'
import '../tab/tab-hosts.js'
import '../tab/session.js'
import { createTestBrowser } from '../testing/test-browser.js'
import type { Simulation } from '../wire/hub-calls.js'
import type { Link } from './link-options.js'

// Hubs are inspected over the wire, wherever they run.

const made = vi.hoisted(() => ({ links: [] as Link[] }))
vi.mock('./link.js', async (original) => {
  const { createLink } = await original<typeof import('./link.js')>()
  return {
    createLink: (options: Parameters<typeof createLink>[0]) => {
      const link = createLink(options)
      made.links.push(link)
      return link
    },
  }
})

beforeAll(() => notifyManager.setScheduler(queueMicrotask))
beforeEach(() => void made.links.splice(0))

type Powers = Parameters<typeof createTestBrowser>[0]

async function setUp(powers: Powers, count = 3) {
  const browser = createTestBrowser({ ...powers, quiet: true })
  const open = async () => {
    const tab = browser.openTab()
    const line = tab.createPartyline<{ changed: object }>({ invalidates: { changed: ['thing'] } })
    line.mount({ queryClient: new QueryClient(), identity: 'ann', auth: () => ({ token: 'SECRET' }) })
    await browser.pass(3_000)
    return { tab, line, link: made.links.at(-1) as Link }
  }
  const tabs = [await open(), await open(), await open()].slice(0, count)
  await browser.pass(10_000)
  const inTime = async <T>(answer: Promise<T>, ms = 100): Promise<T> => {
    await browser.pass(ms)
    return answer
  }
  const inspect = async (link = tabs[0]?.link) => {
    const inspection = await inTime(link?.inspect(0) ?? Promise.resolve(undefined))
    expect(JSON.stringify(inspection ?? {})).not.toMatch(/SECRET|ann|api\./)
    return inspection
  }
  const simulate = (simulation: Simulation, link = tabs[0]?.link) =>
    inTime(link?.simulate(simulation) as Promise<boolean>)
  const roles = () => tabs.map(({ line }) => line.status.role)
  const sockets = () => browser.server.sockets().length
  return { ...browser, open, tabs, inTime, inspect, simulate, roles, sockets }
}

describe.each<NonNullable<Powers>>([
  { webLocks: true, sharedWorker: true },
  { webLocks: true, sharedWorker: false },
  { webLocks: false, sharedWorker: true },
  { webLocks: false, sharedWorker: false },
])('a hub ($webLocks, $sharedWorker)', (powers) => {
  it('tells every tab the same of itself and of its tabs', async () => {
    const { tabs, inspect, pass, roles } = await setUp(powers)
    await inspect()
    for (const { link, line } of tabs) {
      await pass(1_000)
      const told = await inspect(link)
      const { host, epoch } = line.status
      expect(told).toMatchObject({ host, epoch, socket: { name: 'connected' }, attempts: 0, flaps: 0 })
      expect(told?.tabs.map(({ title, isVisible, events }) => [title, isVisible, events])).toEqual(
        tabs.map(() => ['a page', true, ['changed']]),
      )
      expect(told?.tabs.map(({ role }) => role).sort()).toEqual(roles().sort())
      expect(told?.roundTripMs).toBeGreaterThan(0)
      expect(told?.records.map(({ step }) => step)).toEqual(
        expect.arrayContaining(['campaigning', 'leading', 'attached', 'asked', 'given', 'connected']),
      )
    }
  })

  it('tells a hidden tab from a parked one, and a parked one from one that was closed', async () => {
    const { tabs, inspect, pass, open } = await setUp(powers)
    const closed = await open()
    tabs[1]?.tab.hide()
    tabs[2]?.tab.leave()
    closed.tab.close()
    await pass(5_000)
    await inspect()
    await pass(1_000)
    const told = (await inspect())?.tabs ?? []
    expect(told.map(({ isVisible, isParked }) => [isVisible, isParked])).toEqual([
      [true, false],
      [false, false],
      [false, true],
    ])
    tabs[2]?.tab.return()
    await pass(10_000)
    expect((await inspect())?.tabs.filter(({ isParked }) => isParked)).toEqual([])
  })

  it('reconnects after a simulated loss, and after a simulated refusal', async () => {
    for (const name of ['drop', 'refusal', 'reconnect'] as const) {
      const { tabs, simulate, pass, sockets, inspect } = await setUp(powers)
      const before = (await inspect())?.counters.connections ?? 0
      expect(await simulate({ name }, tabs[2]?.link)).toBe(true)
      await pass(20_000)
      expect(tabs.map(({ line }) => line.status.name)).toEqual(tabs.map(() => 'connected'))
      expect([name, sockets(), (await inspect())?.counters.connections]).toEqual([name, 1, before + 1])
    }
  })

  it('gives every tab a simulated event, and a simulated gap', async () => {
    const { tabs, simulate } = await setUp(powers)
    const heard: unknown[] = []
    for (const { line } of tabs) line.on('changed', (metadata) => heard.push(metadata))
    await simulate({ name: 'event', event: 'changed', metadata: { n: 1 }, count: 2 }, tabs[1]?.link)
    expect(heard).toEqual(Array.from({ length: 6 }, () => ({ n: 1 })))
    await simulate({ name: 'gap' }, tabs[1]?.link)
    expect(tabs.map(({ line }) => line.status.lastGap?.reason)).toEqual(tabs.map(() => 'simulated'))
  })

  it('moves to another tab, where it runs in one and there is another', async () => {
    const { tabs, simulate, pass, roles, sockets, inspect } = await setUp(powers)
    const before = roles()
    const epoch = (await inspect())?.epoch
    await simulate({ name: 'move-leader' }, tabs[1]?.link)
    await pass(15_000)
    expect(tabs.map(({ line }) => line.status.name)).toEqual(tabs.map(() => 'connected'))
    expect(sockets()).toBe(1)
    if (powers.sharedWorker) expect(tabs[0]?.line.status.epoch).toBe(epoch)
    else {
      expect(before.indexOf('leader')).not.toBe(roles().indexOf('leader'))
      expect(roles().filter((role) => role === 'leader')).toHaveLength(1)
    }
  })

  it('stays where it is when there is no other tab', async () => {
    const { tabs, simulate, pass, inspect } = await setUp(powers)
    for (const { tab } of tabs.slice(1)) tab.close()
    await pass(5_000)
    const epoch = (await inspect(tabs[0]?.link))?.epoch
    expect(await simulate({ name: 'move-leader' })).toBe(false)
    await pass(5_000)
    expect(epoch).toBeDefined()
    expect((await inspect())?.epoch).toBe(epoch)
  })
})

it('a tab without a hub is told nothing, and simulates nothing', async () => {
  const { tabs, inspect, simulate, pass, inTime } = await setUp({ sharedWorker: false })
  const [one] = tabs
  one?.tab.leave()
  await pass(1_000)
  expect(await inspect(one?.link)).toBeUndefined()
  expect(await simulate({ name: 'drop' })).toBe(false)
  const [, other] = tabs
  other?.line.signOut()
  expect(await inTime(other?.link.inspect(0) as Promise<unknown>, 5_000)).toBeUndefined()
})
