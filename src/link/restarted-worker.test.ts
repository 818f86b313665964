import { QueryClient } from '@tanstack/react-query'
import { expect, it } from 'vitest'
import '../tab.js'
import { createPartyline } from '../client.js'
import { createWorld } from '../testing/world.js'

// WebKit runs a SharedWorker in the process of some page. When that page is closed it starts the worker anew, on some ports of
// the other pages: what was on its way to the former worker is lost, and the other ports lead nowhere (seen in WebKitGTK 2.50).

function setUp(seed: number) {
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
  const open = () => {
    const page = world.openPage({ sharedWorker: true, workerTrouble: undefined, script: 'worker.js' })
    const line = createPartyline<{ changed: object }>(
      { onError: ({ code }) => void codes.push(code), invalidates: { changed: () => [['thing']] } },
      page.environment,
    )
    page.run(() => line.mount({ queryClient: new QueryClient(), identity: 'ann', auth: () => ({}) }))
    return line
  }
  const restart = () => {
    for (const { realm } of world.workers.all()) realm.die()
  }
  return { world, codes, open, restart }
}

// At every point of the second tab's way in: before its hello is sent, on the way, heard, answered.
it.each(Array.from({ length: 60 }, (_, index) => index))(
  'a worker that is started anew while a tab is on its way in welcomes it all the same, %s',
  async (seed) => {
    const { world, codes, open, restart } = setUp(seed)
    const first = open()
    await world.pass(5_000)
    const second = open()
    await world.pass(seed % 12)
    restart()
    await world.pass(4_000)
    for (const { status } of [first, second]) {
      expect(status).toMatchObject({ name: 'connected', host: 'shared-worker', steps: [], tabs: 2 })
    }
    expect(new Set([first.status.epoch, second.status.epoch]).size).toBe(1)
    expect(world.server.sockets()).toHaveLength(1)
    expect(codes).toEqual([])
  },
)
