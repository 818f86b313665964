import { QueryClient } from '@tanstack/react-query'
import { expect, it } from 'vitest'
import '../tab/session.js'
import { createPartyline } from '../tab/create-partyline.js'
import type { SimulatedPage } from '../testing/simulated-page.js'
import type { WorkerTrouble } from '../testing/simulated-workers.js'
import { createWorld } from '../testing/world.js'

// WebKit runs a SharedWorker in the process of some page. When that page is closed it restarts the worker, on some ports of
// the other pages: messages on their way to the former worker are lost, and the other ports lead nowhere (seen in WebKitGTK 2.50).

function setUp(seed: number, workerTrouble?: WorkerTrouble) {
  const world = createWorld({
    seed,
    webLocks: true,
    channel: true,
    extendedLifetime: false,
    restarts: true,
    delay: 10,
    recovery: false,
    renewal: false,
    identify: (_auth, mountedFor) => mountedFor,
  })
  const codes: string[] = []
  const pages: SimulatedPage[] = []
  const open = () => {
    const page = world.openPage({ sharedWorker: true, workerTrouble, script: 'worker.js' })
    pages.push(page)
    const line = createPartyline<{ changed: object }>(
      { onError: ({ code }) => void codes.push(code), invalidates: { changed: ['thing'] } },
      page.environment,
    )
    page.run(() => line.mount({ queryClient: new QueryClient(), identity: 'ann', auth: () => ({}) }))
    return line
  }
  const restart = () => {
    for (const { realm } of world.workers.all()) realm.die()
  }
  return { world, codes, pages, open, restart }
}

// At every point of the second tab's attach: before its hello is sent, on the way, received, answered.
it('a worker that restarts while a tab attaches welcomes the tab all the same', async () => {
  let timeouts = 0
  for (let seed = 0; seed < 60; seed++) {
    const { world, codes, open, restart } = setUp(seed)
    const first = open()
    await world.pass(5_000)
    const second = open()
    await world.pass(seed % 12)
    restart()
    await world.pass(2_400)
    if (second.status.name !== 'connected') timeouts++
    await world.pass(1_600)
    for (const { status } of [first, second]) {
      expect(status).toMatchObject({ name: 'connected', host: 'shared-worker', steps: [], tabs: 2 })
    }
    expect(new Set([first.status.epoch, second.status.epoch]).size).toBe(1)
    expect(world.server.sockets()).toHaveLength(1)
    expect(codes).toEqual([])
  }
  // In some of them the first port led nowhere; otherwise this would prove nothing.
  expect(timeouts).toBeGreaterThan(5)
})

it('a page that was away has all its tries again', async () => {
  const { world, codes, pages, open } = setUp(1, 'silence')
  const line = open()
  await world.pass(3_000)
  pages[0]?.park()
  await world.pass(1_000)
  expect(pages[0]?.back()).toBe(true)
  await world.pass(3_000)
  expect([line.status.steps, codes]).toEqual([[], []])
  await world.pass(8_000)
  expect(line.status.steps).toHaveLength(1)
})
