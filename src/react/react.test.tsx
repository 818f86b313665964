// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { act, cleanup, render, renderHook } from '@testing-library/react'
import { type ReactNode, StrictMode } from 'react'
import { hydrateRoot } from 'react-dom/client'
import { renderToString } from 'react-dom/server'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createFakeLine, type FakeEvents } from '../../test/fake-line.js'
import type { Line, Status } from '../index.js'
import {
  PartylineProvider,
  usePartyline,
  usePartylineStatus,
  usePendingChanges,
  useServerEvent,
  useTopic,
} from './index.js'

afterEach(cleanup)

const queryClient = new QueryClient()
const Queries = ({ client = queryClient, children }: { client?: QueryClient; children: ReactNode }) => (
  <QueryClientProvider client={client}>{children}</QueryClientProvider>
)

/** Shows how the line around stands; every rendering is seen. */
const Light = ({ line, seen = [] }: { line?: Line<FakeEvents>; seen?: Status[] }) => {
  const status = usePartylineStatus()
  seen.push(status)
  return (
    <>
      <i>{status.name}</i>
      {line && <Listener line={line} />}
    </>
  )
}

const Listener = ({ line }: { line: Line<FakeEvents> }) => {
  useServerEvent(line, 'profile_updated', () => undefined)
  return null
}

/** What the app's own tree looks like. */
const app = (props: Parameters<typeof PartylineProvider>[0], client = queryClient) => (
  <Queries client={client}>
    <PartylineProvider {...props} />
  </Queries>
)

describe('PartylineProvider', () => {
  it('mounts its line, renders what is in it, and unmounts it', () => {
    const { line, log, mounts } = createFakeLine()
    const { container, unmount } = render(app({ line, identity: 'u1', children: <p>app</p> }))
    expect(container.innerHTML).toBe('<p>app</p>')
    expect(mounts).toEqual([expect.objectContaining({ identity: 'u1', queryClient })])
    unmount()
    expect(log).toEqual(['mount u1', 'unmount u1'])
  })

  it('has one mount at a time under StrictMode, and leaves none', () => {
    const { line, log, mounts } = createFakeLine()
    const { unmount } = render(<StrictMode>{app({ line, identity: 'u1' })}</StrictMode>)
    expect(log).toEqual(['mount u1', 'unmount u1', 'mount u1'])
    expect(mounts).toHaveLength(1)
    unmount()
    expect(mounts).toHaveLength(0)
  })

  it('stays mounted over re-renders, with whatever new functions', () => {
    const { line, log } = createFakeLine()
    const { rerender } = render(app({ line, identity: 'u1', auth: () => ({ token: 'a' }) }))
    rerender(app({ line, identity: 'u1', auth: () => ({ token: 'b' }) }))
    rerender(app({ line, identity: 'u1' }))
    expect(log).toEqual(['mount u1'])
  })

  it('has no auth of its own where none is given, so that another mount’s is asked, and may get one later', () => {
    const { line, log, mounts } = createFakeLine()
    const { rerender } = render(app({ line, identity: 'u1' }))
    const [mounted] = mounts
    expect(mounted?.auth).toBeUndefined()
    rerender(app({ line, identity: 'u1', auth: () => ({ token: 'a' }) }))
    expect(mounted?.auth?.()).toEqual({ token: 'a' })
    expect(log).toEqual(['mount u1'])
  })

  it('unmounts one identity before it mounts another one', () => {
    const { line, log } = createFakeLine()
    const { rerender } = render(app({ line, identity: 'u1' }))
    rerender(app({ line, identity: 'u2' }))
    rerender(app({ line, identity: null }))
    rerender(app({ line, identity: 7 }))
    expect(log).toEqual(['mount u1', 'unmount u1', 'mount u2', 'unmount u2', 'mount null', 'unmount null', 'mount 7'])
  })

  it('mounts again for another QueryClient, and another line', () => {
    const one = createFakeLine()
    const two = createFakeLine()
    const otherClient = new QueryClient()
    const { rerender } = render(app({ line: one.line, identity: 'u1' }))
    rerender(app({ line: one.line, identity: 'u1' }, otherClient))
    expect(one.log).toEqual(['mount u1', 'unmount u1', 'mount u1'])
    expect(one.mounts[0]?.queryClient).toBe(otherClient)
    rerender(app({ line: two.line, identity: 'u1' }, otherClient))
    expect(one.mounts).toHaveLength(0)
    expect(two.mounts).toHaveLength(1)
  })

  it('asks the newest auth function, so that it may close over props', async () => {
    const { line, mounts } = createFakeLine()
    const { rerender } = render(app({ line, identity: 'u1', auth: () => ({ token: 'a' }) }))
    const auth = mounts[0]?.auth
    expect(auth?.()).toEqual({ token: 'a' })
    rerender(app({ line, identity: 'u1', auth: async () => ({ token: 'b' }) }))
    await expect(auth?.()).resolves.toEqual({ token: 'b' })
    rerender(app({ line, identity: 'u1' }))
    expect(auth?.()).toBeUndefined()
  })
})

describe('usePartyline', () => {
  it('is the provider as a hook', () => {
    const { line, log } = createFakeLine()
    const { rerender, unmount } = renderHook(({ identity }) => usePartyline(line, { identity }), {
      initialProps: { identity: 'u1' },
      wrapper: Queries,
    })
    rerender({ identity: 'u2' })
    unmount()
    expect(log).toEqual(['mount u1', 'unmount u1', 'mount u2', 'unmount u2'])
  })

  it('needs a QueryClient', () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const { line, log } = createFakeLine()
    expect(() => renderHook(() => usePartyline(line, { identity: 'u1' }))).toThrow('No QueryClient')
    expect(log).toEqual([])
  })
})

describe('usePendingChanges', () => {
  it('renders when there are more changes, and has them fetched', () => {
    const { line, change, log } = createFakeLine()
    let renderings = 0
    const { result } = renderHook(() => {
      renderings++
      return usePendingChanges(['article', 7], line)
    })
    expect(result.current).toMatchObject({ count: 0, since: undefined })
    act(() => change(2, 1_900_000_000_000))
    expect(result.current).toMatchObject({ count: 2, since: 1_900_000_000_000 })
    act(() => change(2, 1_900_000_000_000))
    expect(renderings).toBe(2)
    result.current.refresh()
    expect(log).toEqual(['refresh article,7'])
    act(() => change(0, undefined))
    expect(result.current).toMatchObject({ count: 0, since: undefined })
  })

  it('is rendered on a server without changes', () => {
    const { line, change } = createFakeLine()
    change(2, 1_900_000_000_000)
    const Count = () => <i>{usePendingChanges(['article'], line).count}</i>
    expect(renderToString(<Count />)).toBe('<i>0</i>')
  })
})

describe('usePartylineStatus', () => {
  it('renders again when the status has changed, and only then', () => {
    const { line, become, watchers } = createFakeLine()
    const seen: Status[] = []
    const { container, rerender, unmount } = render(app({ line, identity: 'u1', children: <Light seen={seen} /> }))
    expect(container.textContent).toBe('idle')
    act(() => become('connecting'))
    act(() => become('connected'))
    expect(container.textContent).toBe('connected')
    expect(seen.map(({ name }) => name)).toEqual(['idle', 'connecting', 'connected'])

    rerender(app({ line, identity: 'u1', children: <Light seen={seen} /> }))
    expect(seen).toHaveLength(4)
    expect(seen[3]).toBe(seen[2])
    expect(seen[3]).toBe(line.status)
    unmount()
    expect(watchers.size).toBe(0)
  })

  it('keeps one subscription over re-renders', () => {
    const { line, watchers, subscriptions } = createFakeLine()
    const { rerender } = renderHook(() => usePartylineStatus(line))
    rerender()
    rerender()
    expect(watchers.size).toBe(1)
    expect(subscriptions()).toBe(1)
  })

  it('takes a line of its own instead of the one around, and follows when another one is given', () => {
    const around = createFakeLine()
    const own = createFakeLine()
    own.become('connected')
    const { result, rerender } = renderHook(({ line }) => usePartylineStatus(line), {
      initialProps: { line: own.line },
      wrapper: ({ children }) => app({ line: around.line, identity: 'u1', children }),
    })
    expect(result.current.name).toBe('connected')
    rerender({ line: around.line })
    expect(result.current.name).toBe('idle')
    expect(own.watchers.size).toBe(0)
    act(() => around.become('connecting'))
    expect(result.current.name).toBe('connecting')
  })

  it('needs no provider when it is given a line', () => {
    const { line } = createFakeLine()
    expect(renderHook(() => usePartylineStatus(line)).result.current).toBe(line.status)
  })

  it('says what is missing outside of a provider', () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    expect(() => renderHook(() => usePartylineStatus())).toThrow('PartylineProvider')
  })
})

describe('useServerEvent', () => {
  it('says in which tabs the handler runs, and subscribes again when that changes', () => {
    const { line, handlers, subscriptions } = createFakeLine()
    const { rerender } = renderHook(
      ({ place }: { place: 'one-tab' | 'visible' | undefined }) =>
        useServerEvent(line, 'balance_updated', () => undefined, { in: place }),
      { initialProps: { place: 'one-tab' as 'one-tab' | 'visible' | undefined } },
    )
    const places = () => [...handlers].map((handler) => handler.in)
    expect(places()).toEqual(['one-tab'])
    rerender({ place: 'one-tab' })
    expect(subscriptions()).toBe(1)
    rerender({ place: 'visible' })
    expect(places()).toEqual(['visible'])
  })

  it('calls back with the metadata of its event', () => {
    const { line, emit } = createFakeLine()
    const handler = vi.fn()
    renderHook(() => useServerEvent(line, 'balance_updated', handler))
    emit('balance_updated', { accountId: '7' })
    emit('profile_updated', {})
    expect(handler.mock.calls).toEqual([[{ accountId: '7' }]])
  })

  it('listens to the line of the provider where none is given, and says what is missing without one', () => {
    const { line, emit } = createFakeLine()
    const handler = vi.fn()
    const Listener = () => {
      useServerEvent('balance_updated', handler)
      return null
    }
    render(app({ line, identity: 'u1', children: <Listener /> }))
    emit('balance_updated', { accountId: '7' })
    expect(handler.mock.calls).toEqual([[{ accountId: '7' }]])
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    expect(() => renderHook(() => useServerEvent('balance_updated', handler))).toThrow('PartylineProvider')
  })

  it('keeps one subscription over re-renders, with the newest handler', () => {
    const { line, emit, handlers, subscriptions } = createFakeLine()
    const seen: string[] = []
    const { rerender } = renderHook(
      ({ name }) => useServerEvent(line, 'balance_updated', (m) => seen.push(`${name} ${m.accountId}`)),
      { initialProps: { name: 'first' } },
    )
    emit('balance_updated', { accountId: '7' })
    rerender({ name: 'second' })
    emit('balance_updated', { accountId: '8' })
    expect(seen).toEqual(['first 7', 'second 8'])
    expect(handlers.size).toBe(1)
    expect(subscriptions()).toBe(1)
  })

  it('moves over when it is given another event, or another line', () => {
    const one = createFakeLine()
    const two = createFakeLine()
    const handler = vi.fn()
    const { rerender } = renderHook(({ line, event }) => useServerEvent(line, event, handler), {
      initialProps: { line: one.line, event: 'balance_updated' as keyof FakeEvents },
    })
    rerender({ line: one.line, event: 'profile_updated' })
    one.emit('balance_updated', { accountId: '7' })
    expect(handler).not.toHaveBeenCalled()
    one.emit('profile_updated', {})
    expect(handler).toHaveBeenCalledTimes(1)
    rerender({ line: two.line, event: 'profile_updated' })
    expect(one.handlers.size).toBe(0)
    expect(two.handlers.size).toBe(1)
  })

  it('listens once under StrictMode, and not any more after it', () => {
    const { line, emit, handlers } = createFakeLine()
    const handler = vi.fn()
    const { unmount } = renderHook(() => useServerEvent(line, 'profile_updated', handler), { wrapper: StrictMode })
    emit('profile_updated', {})
    expect(handler).toHaveBeenCalledTimes(1)
    unmount()
    emit('profile_updated', {})
    expect(handler).toHaveBeenCalledTimes(1)
    expect(handlers.size).toBe(0)
  })
})

describe('rendering on a server', () => {
  it('shows the idle status, and touches nothing', () => {
    const { line, log, subscriptions } = createFakeLine()
    const auth = vi.fn(() => ({ token: 'a' }))
    const html = renderToString(app({ line, identity: 'u1', auth, children: <Light line={line} /> }))
    expect(html).toBe('<i>idle</i>')
    expect(log).toEqual([])
    expect(subscriptions()).toBe(0)
    expect(auth).not.toHaveBeenCalled()
  })

  it('is taken over in the browser without a complaint', async () => {
    const complaints = vi.spyOn(console, 'error')
    const { line, log, become } = createFakeLine()
    const page = app({ line, identity: 'u1', children: <Light line={line} /> })
    const container = document.createElement('div')
    container.innerHTML = renderToString(page)
    const root = await act(() => hydrateRoot(container, page))
    expect(log).toEqual(['mount u1'])
    act(() => become('connected'))
    expect(container.innerHTML).toBe('<i>connected</i>')
    act(() => root.unmount())
    expect(log).toEqual(['mount u1', 'unmount u1'])
    expect(complaints).not.toHaveBeenCalled()
  })

  it('is taken over without a complaint as well when the line stands elsewhere by then', async () => {
    const complaints = vi.spyOn(console, 'error')
    const { line, become } = createFakeLine()
    const page = app({ line, identity: 'u1', children: <Light line={line} /> })
    const container = document.createElement('div')
    container.innerHTML = renderToString(page)
    // Hydration may come late: another root, or a Suspense boundary whose code was not there yet.
    become('connected')
    const root = await act(() => hydrateRoot(container, page, { onRecoverableError: (error) => console.error(error) }))
    expect(container.innerHTML).toBe('<i>connected</i>')
    act(() => root.unmount())
    expect(complaints).not.toHaveBeenCalled()
  })
})

describe('useTopic', () => {
  it('joins while it is mounted, gives its state, and does not join again at a rendering', () => {
    const { line, log, topics, tell } = createFakeLine()
    const { result, rerender, unmount } = renderHook(() => useTopic(line, 'p', { queryKeys: [['task', { id: 7 }]] }))
    expect(result.current).toEqual({ name: 'away' })
    act(() => tell('p', { name: 'joined' }))
    const joined = result.current
    expect(joined).toEqual({ name: 'joined' })
    rerender()
    expect(result.current).toBe(joined)
    expect(log).toEqual(['join p [["task",{"id":7}]]'])
    act(() => tell('p', { name: 'refused', reason: 'not yours' }))
    expect(result.current).toEqual({ name: 'refused', reason: 'not yours' })
    unmount()
    expect(topics.size).toBe(0)
  })

  it('another name, or another line, leaves and joins; the former one’s state is not the new one’s', () => {
    const [one, other] = [createFakeLine(), createFakeLine()]
    const { result, rerender } = renderHook(({ line, name }) => useTopic(line, name), {
      initialProps: { line: one.line, name: 'p' as string | null | undefined },
    })
    act(() => one.tell('p', { name: 'joined' }))
    rerender({ line: one.line, name: 'q' })
    expect(result.current).toEqual({ name: 'away' })
    act(() => one.tell('q', { name: 'joined' }))
    rerender({ line: other.line, name: 'q' })
    expect(result.current).toEqual({ name: 'away' })
    rerender({ line: other.line, name: null })
    rerender({ line: other.line, name: undefined })
    expect(result.current).toEqual({ name: 'away' })
    expect(one.log).toEqual(['join p []', 'leave p', 'join q []', 'leave q'])
    expect(other.log).toEqual(['join q []', 'leave q'])
  })

  it('other keys are another use of it', () => {
    const { line, log } = createFakeLine()
    const { rerender } = renderHook(({ id }) => useTopic(line, 'p', { queryKeys: [['task', id]] }), {
      initialProps: { id: 1 },
    })
    rerender({ id: 2 })
    expect(log).toEqual(['join p [["task",1]]', 'leave p', 'join p [["task",2]]'])
  })

  it('in StrictMode there is one use in the end, and on a server none', () => {
    const { line, topics } = createFakeLine()
    const { result } = renderHook(() => useTopic(line, 'p'), { wrapper: StrictMode })
    expect(topics.size).toBe(1)
    expect(result.current).toEqual({ name: 'away' })
    const Topic = () => <i>{useTopic(line, 'q').name}</i>
    expect(renderToString(<Topic />)).toBe('<i>away</i>')
    expect(topics.size).toBe(1)
  })
})
