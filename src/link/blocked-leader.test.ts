import { notifyManager, QueryClient } from '@tanstack/react-query'
import { beforeAll, describe, expect, it } from 'vitest'
import '../election/heartbeat-elector.js'
import '../hub/tab-hub.js'
import '../tab/tab-hosts.js'
import '../tab/session.js'
import { createPartyline } from '../tab/create-partyline.js'
import { createWorld } from '../testing/world.js'

// A leader tab that is busy for some seconds is not dead: its followers ask twice before they take its place.

beforeAll(() => notifyManager.setScheduler(queueMicrotask))

async function setUp(seed: number, webLocks: boolean) {
  const world = createWorld({
    seed,
    webLocks,
    channel: true,
    extendedLifetime: false,
    restarts: false,
    delay: 10,
    recovery: false,
    renewal: false,
    identify: (_auth, mountedFor) => mountedFor,
  })
  const codes: string[] = []
  const tabs = [1, 2, 3].map(() => {
    const page = world.openPage({ sharedWorker: false, workerTrouble: undefined, script: 'worker.js' })
    const line = createPartyline<{ changed: object }>(
      { onError: ({ code }) => void codes.push(code), invalidates: { changed: ['thing'] } },
      page.environment,
    )
    page.run(() => line.mount({ queryClient: new QueryClient(), identity: 'ann', auth: () => ({}) }))
    return { page, line }
  })
  await world.pass(10_000)
  const leader = tabs.find(({ line }) => line.status.role === 'leader')
  if (!leader) throw new Error('nobody leads')
  const followers = tabs.filter((tab) => tab !== leader)
  return { world, codes, leader, followers, roles: () => tabs.map(({ line }) => line.status.role) }
}

describe.each([true, false])('a leader tab (Web Locks: %s)', (webLocks) => {
  it('keeps its followers through a long task', async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const { world, codes, leader, roles } = await setUp(seed, webLocks)
      const before = roles()
      // At every point between two pings.
      await world.pass(seed * 450)
      leader.page.hang()
      // By heartbeats, a beat is due every second, and 2 s of silence are an end.
      await world.pass(webLocks ? 4_000 : 900)
      leader.page.wake()
      await world.pass(10_000)
      expect([seed, codes, roles()]).toEqual([seed, [], before])
    }
  })

  it('is not replaced where a task takes eight seconds', async () => {
    if (!webLocks) return
    for (let seed = 1; seed <= 12; seed++) {
      const { world, leader, roles } = await setUp(seed, webLocks)
      const before = roles()
      await world.pass(seed * 450)
      leader.page.hang()
      await world.pass(8_000)
      leader.page.wake()
      await world.pass(10_000)
      expect([seed, roles()]).toEqual([seed, before])
    }
  })

  it('is replaced where it hangs for good', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const { world, leader, followers } = await setUp(seed, webLocks)
      leader.page.hang()
      await world.pass(20_000)
      expect([seed, followers.map(({ line }) => line.status.name)]).toEqual([seed, ['connected', 'connected']])
      expect(followers.map(({ line }) => line.status.role).sort()).toEqual(['follower', 'leader'])
    }
  })
})
