import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createPartyline } from './client.js'
import type { PartylineError } from './errors.js'
import { createFakeWorkers } from './testing/fake-workers.js'

// One list, for every way in which a tab can reach the hub, with both kinds of election.

const inTab = vi.hoisted(() => ({ open: undefined as unknown }))
vi.mock('./transport/socket-io.js', () => ({
  openSocketIo: (...args: unknown[]) => (inTab.open as (...all: unknown[]) => unknown)(...args),
}))

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

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
        const world = createFakeWorkers({ webLocks })
        inTab.open = world.transport.open
        const errors: PartylineError[] = []
        const open = (options: { worker: boolean }) => {
          const tab = options.worker ? world.tab() : world.tab({ open: undefined })
          const queryClient = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } })
          const line = createPartyline<{ changed: { id: string } }>(
            {
              invalidates: { changed: (m: { id: string }) => [['thing', m.id]] },
              onError: (error) => errors.push(error),
              jitter: 0,
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
        const connected = (line: { status: { name: string } }) =>
          vi.waitFor(() => expect(line.status.name).toBe('connected'), { timeout: 30_000, interval: 50 })
        const up = async (...lines: { status: { name: string } }[]) => {
          await vi.waitFor(() => expect(world.transport.live()).toBe(1), { timeout: 30_000, interval: 50 })
          world.transport.last.handlers.onUp(false)
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

      it('is never asked for credentials over the channel', async () => {
        const { world, tab, first } = await setUp()
        await world.transport.last.handlers.auth()
        expect(tab.auth).toHaveBeenCalledTimes(first ? 0 : 1)
        if (first) expect(first.auth).toHaveBeenCalled()
        expect(JSON.stringify(world.overheard())).not.toContain('secret')
      })

      it('is counted out when it closes, and when it crashes', async () => {
        const { world, tab, first, open, unmount, up } = await setUp()
        const other = open({ worker: false })
        other.mount()
        await vi.waitFor(() => expect(other.line.status.name).toBe('connected'), { timeout: 30_000, interval: 50 })
        const all = first ? 3 : 2
        await settle()
        expect(other.line.status.tabs).toBe(all)
        unmount()
        await settle()
        if (role === 'leader') await up(other.line)
        await vi.waitFor(() => expect(other.line.status.tabs).toBe(all - 1), { timeout: 30_000, interval: 50 })
        expect(tab.line.status.name).toBe('idle')
        expect(world.transport.live()).toBe(1)
      })

      it('parks in silence and catches up when it is back', async () => {
        const { tab, emit, open, up, world } = await setUp()
        const stays = open({ worker })
        stays.mount()
        await vi.waitFor(() => expect(stays.line.status.name).toBe('connected'), { timeout: 30_000, interval: 50 })
        tab.use(['thing', '1'])
        await settle()
        tab.fetched.length = 0
        tab.page.fire('away')
        await settle()
        // A leader that parks leaves its office to another tab.
        if (role === 'leader') await up(stays.line)
        emit('1')
        await settle(500)
        expect(tab.heard).toEqual([])
        tab.page.fire('back')
        await vi.waitFor(() => expect(tab.line.status.name).toBe('connected'), { timeout: 30_000, interval: 50 })
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
          await vi.waitFor(() => expect(survivor.line.status.name).toBe('connected'), { timeout: 30_000, interval: 50 })
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
