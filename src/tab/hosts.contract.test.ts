import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryBrowser } from '../../test/browser.js'
import { createElector } from '../election/create-elector.js'
import type { PartylineError } from '../util/errors.js'
import { keyOf } from '../wire/key.js'
import { createPartyline } from './create-partyline.js'

// One list, for every way in which a tab can reach the hub, with both kinds of election.

const inTab = vi.hoisted(() => ({ open: undefined as unknown }))
vi.mock('../transport/socket-io.js', () => ({
  openSocketIo: (...args: unknown[]) => (inTab.open as (...all: unknown[]) => unknown)(...args),
}))

beforeAll(async () => {
  await import('./session.js')
  await import('./tab-hosts.js')
  await import('../hub/tab-hub.js')
  await import('../election/heartbeat-elector.js')
})
beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

const realTimeout = setTimeout
/** Lets fake time pass until it is so, and a little real time, in which lazy chunks load. */
async function until(isSo: () => boolean): Promise<void> {
  for (let step = 0; step < 600 && !isSo(); step++) {
    await vi.advanceTimersByTimeAsync(50)
    await new Promise((resolve) => realTimeout(resolve, 0))
  }
  expect(isSo()).toBe(true)
}

type Way = 'worker port' | 'leader itself' | 'follower of a leader' | 'follower of a worker'

const WAYS: Record<Way, { worker: boolean; before: 'nobody' | 'leader' | 'worker'; host: string; role?: string }> = {
  'worker port': { worker: true, before: 'nobody', host: 'shared-worker' },
  'leader itself': { worker: false, before: 'nobody', host: 'leader-tab', role: 'leader' },
  'follower of a leader': { worker: false, before: 'leader', host: 'leader-tab', role: 'follower' },
  'follower of a worker': { worker: false, before: 'worker', host: 'shared-worker' },
}

for (const webLocks of [true, false]) {
  for (const [way, { worker, before, host, role }] of Object.entries(WAYS)) {
    describe(`${way}, ${webLocks ? 'Web Locks' : 'heartbeats'}`, () => {
      const setUp = async () => {
        const overheard: unknown[] = []
        const world = createMemoryBrowser({
          sharedWorkers: true,
          webLocks,
          route: (deliver, { message }) => {
            overheard.push(message)
            queueMicrotask(deliver)
          },
        })
        inTab.open = world.transport.open
        const errors: PartylineError[] = []
        const open = (options: { worker: boolean }) => {
          const tab = options.worker ? world.tab() : world.tab({ open: undefined })
          const queryClient = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } })
          const line = createPartyline<{ changed: { id: string } }>(
            {
              invalidates: { changed: { touches: ['thing'], targets: (m: { id: string }) => [['thing', m.id]] } },
              onError: (error) => errors.push(error),
              jitterMs: 0,
            },
            tab.environment,
          )
          const heard: string[] = []
          line.on('changed', (m) => heard.push(m.id))
          const auth = vi.fn(() => ({ token: 'secret' }))
          const mount = () => line.mount({ queryClient, identity: 'u1', auth })
          const fetched: string[] = []
          const use = (queryKey: readonly unknown[]) =>
            new QueryObserver(queryClient, {
              queryKey,
              queryFn: async () => {
                fetched.push(String(queryKey))
                return fetched.length
              },
            }).subscribe(() => undefined)
          return { ...tab, line, heard, auth, mount, use, fetched, unmount: () => undefined as unknown }
        }
        const connected = (line: { status: { name: string } }) => until(() => line.status.name === 'connected')
        const up = async (...lines: { status: { name: string } }[]) => {
          await until(() => world.transport.live() === 1)
          world.transport.last.handlers.onUp(false)
          world.transport.last.handlers.onEvent('_line', { quietForMs: 0 })
          for (const line of lines) await connected(line)
        }
        const first = before === 'nobody' ? undefined : open({ worker: before === 'worker' })
        if (first) {
          first.mount()
          await up(first.line)
        }
        const tab = open({ worker })
        const unmount = tab.mount()
        if (first) await connected(tab.line)
        else await up(tab.line)
        return {
          world,
          overheard,
          errors,
          open,
          first,
          tab,
          unmount,
          up,
          emit: (id: string) => world.transport.last.handlers.onEvent('changed', { id }),
        }
      }
      const settle = (ms = 50) => vi.advanceTimersByTimeAsync(ms)

      it('attaches over one socket and says where it stands', async () => {
        const { world, tab, first, errors } = await setUp()
        expect(world.transport.live()).toBe(1)
        expect(tab.line.status).toMatchObject({ host, tabs: first ? 2 : 1 })
        expect(tab.line.status.role).toBe(role)
        expect(errors).toEqual([])
      })

      it('hears events in order, a burst included', async () => {
        const { tab, emit } = await setUp()
        const ids = Array.from({ length: 300 }, (_none, index) => String(index))
        for (const id of ids) emit(id)
        await settle(200)
        expect(tab.heard).toEqual(ids)
      })

      if (host === 'leader-tab')
        it('hears the end of a burst though the leader is hidden, whose timers are late', async () => {
          const { world, tab, first, emit } = await setUp()
          ;(first ?? tab).page.hide()
          for (const id of ['1', '2', '3']) emit(id)
          // Timers of 20 ms are not due by then.
          await settle(5)
          expect(tab.heard).toEqual(['1', '2', '3'])
          const set = vi.spyOn((first ?? tab).environment.timers, 'after')
          world.transport.last.handlers.onDown('transport close')
          await settle(5)
          expect(tab.line.status.name).toBe('disconnected')
          // Nor does the state of the connection wait for one.
          expect(set.mock.calls.filter(([ms]) => ms < 100)).toEqual([])
        })

      if (before !== 'nobody')
        it('pings its hub while it is visible, and always without Web Locks', async () => {
          const { tab, overheard } = await setUp()
          const asked = () => {
            const pings = overheard.filter((message) => JSON.stringify(message).includes('"ping"'))
            overheard.length = 0
            return pings.length > 0
          }
          await settle(10_000)
          expect(asked()).toBe(true)
          tab.page.hide()
          await settle(10_000)
          asked()
          const set = vi.spyOn(tab.environment.timers, 'after')
          await settle(60_000)
          expect(asked()).toBe(!webLocks)
          if (webLocks) expect(set).not.toHaveBeenCalled()
          tab.page.show()
          await settle(10_000)
          expect(asked()).toBe(true)
          // Once every five seconds, not once more for each time that it was hidden.
          for (let time = 0; time < 5; time++) {
            tab.page.hide()
            await settle(6_000)
            tab.page.show()
          }
          overheard.length = 0
          await settle(10_000)
          expect(overheard.filter((message) => JSON.stringify(message).includes('"ping"')).length).toBeLessThanOrEqual(
            4,
          )
        })

      it('is never asked for credentials over the channel', async () => {
        const { world, overheard, tab, first } = await setUp()
        await world.transport.last.handlers.auth()
        expect(tab.auth).toHaveBeenCalledTimes(first ? 0 : 1)
        if (first) expect(first.auth).toHaveBeenCalled()
        // Even where the only tab at a port has none to give.
        if (first) {
          first.auth.mockImplementation(() => {
            throw new Error('the session is over')
          })
          await expect(world.transport.last.handlers.auth()).rejects.toThrow('auth failed with Error')
          expect(tab.auth).not.toHaveBeenCalled()
        }
        expect(JSON.stringify(overheard)).not.toContain('secret')
      })

      it('is counted out when it closes, and when it crashes', async () => {
        const { world, tab, first, open, unmount, up } = await setUp()
        const other = open({ worker: false })
        other.mount()
        await until(() => other.line.status.name === 'connected')
        const all = first ? 3 : 2
        await settle()
        expect(other.line.status.tabs).toBe(all)
        unmount()
        await settle()
        if (role === 'leader') await up(other.line)
        await until(() => other.line.status.tabs === all - 1)
        expect(tab.line.status.name).toBe('idle')
        expect(world.transport.live()).toBe(1)
      })

      it('parks in silence and catches up when it is back', async () => {
        const { tab, emit, open, up, world } = await setUp()
        const remains = open({ worker })
        remains.mount()
        await until(() => remains.line.status.name === 'connected')
        tab.use(['thing', '1'])
        await settle()
        tab.fetched.length = 0
        tab.page.fire('away')
        await settle()
        // A leader that parks leaves its leadership to another tab.
        if (role === 'leader') await up(remains.line)
        emit('1')
        await settle(500)
        expect(tab.heard).toEqual([])
        tab.page.fire('back')
        await until(() => tab.line.status.name === 'connected')
        await settle(500)
        expect(tab.fetched).toEqual(['thing,1'])
        expect(world.transport.live()).toBe(1)
      })

      it('outlives the owner: a new socket, a gap, one resync', async () => {
        const { world, tab, first, open, up } = await setUp()
        const owner = first ?? tab
        const survivor = first ? tab : open({ worker })
        if (!first) {
          survivor.mount()
          await until(() => survivor.line.status.name === 'connected')
        }
        survivor.use(['thing', '1'])
        await settle(500)
        survivor.fetched.length = 0
        const { epoch } = survivor.line.status
        if (host === 'shared-worker') world.killWorkers()
        else {
          owner.crash()
          for (const connection of world.transport.opened) connection.closed = true
        }
        if (before === 'worker') owner.crash()
        await up(survivor.line)
        expect(survivor.line.status.epoch).not.toBe(epoch)
        await settle(1_000)
        expect(survivor.fetched).toEqual(['thing,1'])
        expect(world.transport.live()).toBe(1)
      })

      it('signs out everywhere, also when the app unmounts at once', async () => {
        const { world, tab, first, unmount, open } = await setUp()
        const other = first ?? open({ worker })
        if (!first) {
          other.mount()
          await until(() => other.line.status.name === 'connected')
        }
        tab.line.signOut()
        unmount()
        await settle(3_000)
        expect(other.line.status.name).toBe('signed-out')
        expect(tab.line.status.name).toBe('idle')
        expect(world.transport.live()).toBe(0)
      })

      it('gives credentials to nobody but the hub that asked', async () => {
        const { world, tab, overheard } = await setUp()
        let answer: (auth: { token: string }) => void = () => undefined
        tab.auth.mockImplementation((() => new Promise((resolve) => (answer = resolve))) as never)
        void world.transport.last.handlers.auth().catch(() => undefined)
        await settle()
        // Another hub takes over before the answer is there.
        void createElector(
          world.tab({ open: undefined }).environment,
          keyOf('app', { url: 'https://app.example/', identity: 'u1' }),
        ).steal(new AbortController().signal)
        await settle(2_000)
        answer({ token: 'secret' })
        await settle(2_000)
        expect(JSON.stringify(overheard)).not.toContain('secret')
      })

      it('a deposed owner closes its socket, and everybody follows the new one', async () => {
        const { world, tab, first, up } = await setUp()
        const former = world.transport.last
        const { epoch } = tab.line.status
        const usurper = world.tab({ open: undefined }).environment
        const key = keyOf('app', { url: 'https://app.example/', identity: 'u1' })
        const term = new AbortController()
        await settle(600)
        let usurped = false
        void createElector(usurper, key)
          .steal(term.signal)
          .then(() => {
            usurped = true
          })
        await until(() => usurped && former.closed)
        // It does nothing with its leadership, so the next in line gets it.
        term.abort()
        await up(tab.line)
        await until(() => tab.line.status.epoch !== epoch && tab.line.status.name === 'connected')
        if (first) await until(() => first.line.status.epoch === tab.line.status.epoch)
        expect(world.transport.live()).toBe(1)
      })

      it('signs out everywhere', async () => {
        const { world, tab, first } = await setUp()
        tab.line.signOut()
        await settle(3_000)
        expect(world.transport.live()).toBe(0)
        expect(tab.line.status.name).toBe('signed-out')
        if (first) expect(first.line.status.name).toBe('signed-out')
      })
    })
  }
}
