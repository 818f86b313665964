/** What every binding has to hold, whatever the framework: one list of tests, run with each of them. */
import { describe, expect, it, vi } from 'vitest'
import type { Line, MountOptions } from '../../src/index.js'
import { createFakeLine, type FakeEvents } from '../fake-line.js'

/** What the component of a harness is given. All but the line, `auth` and the functions may change while it is mounted. */
export interface Inputs {
  readonly line: Line<FakeEvents>
  readonly identity: MountOptions['identity']
  readonly auth?: MountOptions['auth']
  readonly topic: string | null | undefined
  readonly queryKeys: readonly (readonly unknown[])[] | undefined
  readonly pendingKey: readonly unknown[]
  readonly onBalance: (metadata: { accountId: string }) => void
  /** Called at each rendering with what is rendered: `<status> <state of the topic> <count of changes>`. Gives it back. */
  readonly shows: (text: string) => string
}
export type Changes = Partial<Pick<Inputs, 'identity' | 'topic' | 'queryKeys' | 'pendingKey'>>

export interface Rendered {
  /** Resolves when the framework has rendered it. */
  set(changes: Changes): Promise<void>
  /** Resolves when the framework has rendered what has happened. */
  settle(): Promise<void>
  /** Calls `refresh` of the pending changes. */
  refresh(): void
  unmount(): void
}

export interface Harness {
  /** The client that the adapter's own provider gives to components. */
  readonly queryClient: MountOptions['queryClient']
  /** A provider of the line around a component that uses all of the binding, in the page. */
  render(inputs: Inputs): Rendered
  /** A component that asks for the status without a line around. */
  renderAlone(): unknown
}

const given = (
  line: Line<FakeEvents>,
  inputs: Partial<Inputs> = {},
): Inputs & { readonly shown: string[]; readonly heard: string[] } => {
  const shown: string[] = []
  const heard: string[] = []
  return {
    line,
    identity: 'u1',
    topic: undefined,
    queryKeys: undefined,
    pendingKey: ['article'],
    onBalance: ({ accountId }) => heard.push(accountId),
    shows(text) {
      shown.push(text)
      return text
    },
    ...inputs,
    shown,
    heard,
  }
}

export function testBinding(name: string, { queryClient, render, renderAlone }: Harness): void {
  describe(name, () => {
    it('mounts its line with the adapter’s QueryClient, and unmounts it', () => {
      const { line, log, mounts } = createFakeLine()
      const { unmount } = render(given(line))
      expect(mounts).toEqual([expect.objectContaining({ identity: 'u1' })])
      expect(mounts[0]?.queryClient).toBe(queryClient)
      expect(mounts[0]?.auth).toBeUndefined()
      unmount()
      expect(log).toEqual(['mount u1', 'unmount u1'])
    })

    it('hands on the function that gives credentials', () => {
      const { line, mounts } = createFakeLine()
      let token = 'a'
      const { unmount } = render(given(line, { auth: () => ({ token }) }))
      expect(mounts[0]?.auth?.()).toEqual({ token: 'a' })
      token = 'b'
      expect(mounts[0]?.auth?.()).toEqual({ token: 'b' })
      unmount()
    })

    it('unmounts one identity before it mounts another one, and nothing else makes it mount', async () => {
      const { line, log } = createFakeLine()
      const { set, unmount } = render(given(line))
      await set({ identity: 'u2' })
      await set({ identity: null })
      await set({ identity: 7 })
      await set({ identity: 7, pendingKey: ['letter'] })
      unmount()
      const mounted = ['u1', 'u2', 'null', '7'].flatMap((who) => [`mount ${who}`, `unmount ${who}`])
      expect(log).toEqual(mounted)
    })

    it('begins with what a server renders, and shows the line’s status from its mount on', async () => {
      const { line, become, watchers } = createFakeLine()
      become('connecting')
      const inputs = given(line)
      const { settle, unmount } = render(inputs)
      await settle()
      expect(inputs.shown).toEqual(['idle away 0', 'connecting away 0'])
      become('connected')
      await settle()
      expect(inputs.shown.at(-1)).toBe('connected away 0')
      unmount()
      expect(watchers.size).toBe(0)
    })

    it('says what is missing where no line is around', () => {
      for (const level of ['error', 'warn'] as const) vi.spyOn(console, level).mockImplementation(() => undefined)
      expect(renderAlone).toThrow('[partyline] no line: give one, or')
    })

    it('calls back with the metadata of its event, while it is mounted', async () => {
      const { line, emit, handlers, subscriptions } = createFakeLine()
      const inputs = given(line)
      const { set, unmount } = render(inputs)
      emit('balance_updated', { accountId: '7' })
      emit('profile_updated', {})
      const before = subscriptions()
      await set({ identity: 'u2' })
      emit('balance_updated', { accountId: '8' })
      expect(inputs.heard).toEqual(['7', '8'])
      expect(subscriptions()).toBe(before)
      unmount()
      expect(handlers.size).toBe(0)
    })

    it('joins a topic while it is mounted, and gives its state', async () => {
      const { line, log, tell, topics } = createFakeLine()
      const inputs = given(line, { topic: 'p', queryKeys: [['task', { id: 7 }]] })
      const { settle, set, unmount } = render(inputs)
      tell('p', { name: 'joined' })
      await settle()
      expect(inputs.shown.at(-1)).toBe('idle joined 0')
      // The same keys, in another list.
      await set({ queryKeys: [['task', { id: 7 }]] })
      expect(log).toEqual(expect.arrayContaining(['mount u1', 'join p [["task",{"id":7}]]']))
      expect(log).toHaveLength(2)
      tell('p', { name: 'refused', reason: 'not yours' })
      await settle()
      expect(inputs.shown.at(-1)).toBe('idle refused 0')
      unmount()
      expect(topics.size).toBe(0)
    })

    it('leaves a topic for another one, whose state is not the former one’s', async () => {
      const { line, log, tell } = createFakeLine()
      const inputs = given(line, { topic: 'p' })
      const { settle, set, unmount } = render(inputs)
      tell('p', { name: 'joined' })
      await settle()
      await set({ topic: 'q' })
      expect(inputs.shown.at(-1)).toBe('idle away 0')
      tell('q', { name: 'joined' })
      await settle()
      await set({ queryKeys: [['task']] })
      expect(inputs.shown.at(-1)).toBe('idle away 0')
      await set({ topic: null })
      await set({ topic: undefined })
      unmount()
      const uses = ['p []', 'q []', 'q [["task"]]'].flatMap((use) => [`join ${use}`, `leave ${use.split(' ')[0]}`])
      expect(log.filter((entry) => !/mount/.test(entry))).toEqual(uses)
    })

    it('renders when there are more changes, and has them fetched', async () => {
      const { line, change, log } = createFakeLine()
      const asked: string[] = []
      const pendingChanges: typeof line.pendingChanges = (queryKey) => {
        asked.push(String(queryKey))
        return line.pendingChanges(queryKey)
      }
      const own = Object.defineProperties({} as typeof line, {
        ...Object.getOwnPropertyDescriptors(line),
        pendingChanges: { value: pendingChanges },
      })
      const inputs = given(own, { pendingKey: ['article', 7] })
      const { settle, set, refresh, unmount } = render(inputs)
      change(2, 1_900_000_000_000)
      await settle()
      expect(inputs.shown.at(-1)).toBe('idle away 2')
      const renderings = inputs.shown.length
      change(2, 1_900_000_000_000)
      await settle()
      expect(inputs.shown).toHaveLength(renderings)
      refresh()
      expect(log.at(-1)).toBe('refresh article,7')
      await set({ pendingKey: ['letter'] })
      refresh()
      expect(log.at(-1)).toBe('refresh letter')
      expect(asked.at(-1)).toBe('letter')
      unmount()
    })
  })
}

/** Rendering without a page. */
export function testServerRendering(name: string, renderToString: (inputs: Inputs) => string | Promise<string>): void {
  it(`${name}: a server renders the idle line, and touches nothing of it`, async () => {
    const { line, log, subscriptions, change } = createFakeLine()
    change(2, 1_900_000_000_000)
    const auth = vi.fn(() => ({ token: 'a' }))
    const html = await renderToString(given(line, { auth, topic: 'p' }))
    expect(html.replace(/<[^>]*>/g, '').trim()).toBe('idle away 0')
    expect(log).toEqual([])
    expect(subscriptions()).toBe(0)
    expect(auth).not.toHaveBeenCalled()
  })
}
