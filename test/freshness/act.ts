import {
  type DehydratedState,
  dehydrate,
  hydrate,
  MutationObserver,
  QueryClient,
  type QueryKey,
  type QueryObserverOptions,
} from '@tanstack/react-query'
import { type Rig, type RigTab, setOnline, TOPIC } from './rig.js'
import { FEED, type Kind, QUERIES, ROOM, type Setting, type Step } from './step.js'

const HOUR_MS = 3_600_000
const MAX_WATCHERS = 6
/** A rule reaches it, and it is never fetched for it. */
export const STATIC_QUERY: QueryKey = ['item', 'static']

const sleep = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms))

/** A component: what it shows, and how it is taken away. */
interface Watcher {
  readonly q: number
  isEnabled: boolean
  stop(): void
  refetch(): void
  next?(): void
  set(options: { enabled?: boolean }): void
}

/** The app in one tab. */
export interface App {
  readonly tab: RigTab
  readonly watchers: Set<Watcher>
  /** What a router's loader has asked for at the end. */
  readonly loaded: Set<number>
  /** The queries that a running mutation has written to. */
  readonly guessed: Set<number>
  /** Takes the tab out of its topic. */
  leave: (() => void) | undefined
}

export interface Context {
  readonly rig: Rig
  readonly apps: readonly App[]
  readonly setting: Setting
  /** What has to be over before the world is in order: outages, mutations. */
  readonly running: Set<Promise<unknown>>
  /** Queries that only a first load has to fetch are not owed: when each was last changed, or may have been. */
  readonly changedAt: Map<number, number>
}

export function createApp(tab: RigTab): App {
  return { tab, watchers: new Set(), loaded: new Set(), guessed: new Set(), leave: undefined }
}

/** Indexes of the queries that show an entity. */
const showing = (...keys: readonly QueryKey[]) =>
  keys.map((key) => QUERIES.findIndex((other) => JSON.stringify(other) === JSON.stringify(key)))

export function watch(app: App, q: number, options: Partial<QueryObserverOptions> = {}): Watcher {
  const key = QUERIES[q] ?? []
  const { enabled = true } = options
  const watcher = q === FEED ? app.tab.watchFeed() : app.tab.watch(key, options)
  const entry: Watcher = {
    ...watcher,
    q,
    isEnabled: q === FEED || enabled !== false,
    stop() {
      watcher.stop()
      app.watchers.delete(entry)
    },
    set(more) {
      entry.isEnabled = more.enabled !== false
      watcher.set(more)
    },
  }
  app.watchers.add(entry)
  return entry
}

export function join(app: App): void {
  app.leave ??= app.tab.line.topic(TOPIC, { queryKeys: [['room']] })
}

type Act = (app: App, step: Step, context: Context) => unknown

const watched = (app: App, q: number) => [...app.watchers].find((watcher) => watcher.q === q)
const keyOf = ({ q }: Step): QueryKey => QUERIES[q] ?? []

/** The server changes entities, and says so. */
function change(context: Context, event: Parameters<Rig['change']>[0], metadata: object, ...keys: readonly QueryKey[]) {
  for (const q of showing(...keys)) context.changedAt.set(q, context.rig.now())
  context.rig.change(
    event,
    metadata,
    keys.map((key) => entityName(key)),
  )
}
const entityName = ([name, part]: QueryKey): string =>
  part === undefined ? String(name) : `${String(name)}${typeof part === 'object' ? JSON.stringify(part) : String(part)}`

/** The change that a query shows, with an event that names it. */
function changeOf(context: Context, q: number): void {
  const id = q === 1 ? 1 : 0
  if (q <= 1) change(context, 'item', { id }, ['item', id])
  else if (q <= 3) change(context, 'scoped', { type: 'a' }, ['list', { type: 'a' }], ['list'])
  else if (q === 4) change(context, 'branchy', { type: 'card', id: 0 }, ['cards'])
  else if (q === 5) change(context, 'branchy', { type: 'transfer', id: 0 }, ['transfers', 0])
  else if (q === FEED) change(context, 'feed', {}, ['feed'])
  else change(context, 'room', {}, ['room'])
}

/** The connection is down, and something changes: its event reaches nobody. */
function gap(context: Context, q: number): void {
  for (const other of QUERIES.keys()) context.changedAt.set(other, context.rig.now())
  changeOf(context, q)
}

const mount =
  (options: (step: Step, context: Context) => Partial<QueryObserverOptions>): Act =>
  (app, step, context) => {
    if (app.watchers.size >= MAX_WATCHERS) return
    if (step.q === ROOM) join(app)
    watch(app, step.q, options(step, context))
  }

/** What a server read `ms` ago (or much longer), as another QueryClient hands it over. */
function hydrated({ rig }: Context, step: Step, ageMs: number): DehydratedState {
  const other = new QueryClient()
  const at = rig.now() - ageMs
  other.setQueryData(keyOf(step), rig.api.truth(keyOf(step), at), { updatedAt: at })
  return dehydrate(other)
}

/** TanStack's recipe for an optimistic update. At the end it succeeds with a change of the server's, or is rolled back. */
function guess(app: App, { q }: Step, context: Context, ms: number, succeeds: boolean): Promise<unknown> | undefined {
  const { client, act } = app.tab
  const queryKey = QUERIES[q] ?? []
  const before = client.getQueryData(queryKey)
  if (before === undefined || app.guessed.has(q) || q === FEED) return undefined
  app.guessed.add(q)
  const mutation = new MutationObserver(client, {
    networkMode: 'always',
    mutationFn: async () => {
      await sleep(ms)
      if (!succeeds) throw new Error('refused')
      changeOf(context, q)
    },
    onMutate: async () => {
      await act(() => client.cancelQueries({ queryKey, exact: true }))
      const previous = client.getQueryData(queryKey)
      act(() => client.setQueryData(queryKey, 'guess'))
      return previous
    },
    onError: (_error, _variables, previous) => void act(() => client.setQueryData(queryKey, previous)),
    onSettled: () => void app.guessed.delete(q),
  })
  return act(() => mutation.mutate()).catch(() => undefined)
}

async function stopFor(context: Context, q: number, ms: number): Promise<void> {
  const { rig } = context
  rig.stop()
  await sleep(ms)
  gap(context, q)
  rig.start()
}

async function flap(context: Context, { q, ms }: Step): Promise<void> {
  for (let time = 0; time <= 1 + (ms % 3); time++) {
    await stopFor(context, q, 0)
    await sleep(1_500)
  }
}

/** A request of the app's own changes the query, and the app sets the answer. Its event names the request. */
function named({ tab }: App, { q, ms, yes }: Step, context: Context): Promise<unknown> {
  const { rig } = context
  const queryKey = QUERIES[q] ?? []
  return tab.act(() =>
    tab.write(async (origin) => {
      await sleep(ms)
      context.changedAt.set(q, rig.now())
      rig.change('item', { id: q, _line: { origin } }, [`item${q}`])
      const answer = rig.api.truth(queryKey)
      await sleep(5)
      if (yes && tab.data(queryKey) !== undefined) tab.act(() => tab.client.setQueryData(queryKey, answer))
    }),
  )
}

const quietly = (promise: Promise<unknown>) => void promise.catch(() => undefined)

export const ACTS: Readonly<Record<Kind, Act>> = {
  item: (_app, { q }, context) => change(context, 'item', { id: q % 2 }, ['item', q % 2]),
  items: (_app, _step, context) => change(context, 'items', {}, ['item', 0], ['item', 1]),
  scoped: (_app, { yes }, context) => {
    if (yes) change(context, 'scoped', { type: 'a' }, ['list', { type: 'a' }], ['list'])
    else change(context, 'scoped', { type: 'b' }, ['list'])
  },
  two: (_app, { q }, context) => change(context, 'two', { id: q % 2 }, ['item', q % 2], ['cards']),
  branchy: (_app, { yes }, context) => changeOf(context, yes ? 4 : 5),
  feed: (_app, _step, context) => changeOf(context, FEED),
  room: (_app, _step, context) => changeOf(context, ROOM),
  burst: async (_app, { q }, context) => {
    for (let number = 0; number < 20; number++) {
      changeOf(context, q)
      await sleep(15)
    }
  },
  mount: mount(() => ({})),
  'mount-quiet': mount(() => ({ refetchOnMount: false })),
  'mount-disabled': mount(() => ({ enabled: false })),
  'mount-loose': mount(() => ({ staleTime: 0 })),
  'mount-static': (app) => {
    if (app.watchers.size < MAX_WATCHERS) app.tab.watch(STATIC_QUERY, { staleTime: 'static' })
  },
  unmount: (app, { q }) => watched(app, q)?.stop(),
  disable: (app, { q }) => watched(app, q)?.set({ enabled: false }),
  enable: (app, { q }) => watched(app, q)?.set({ enabled: true }),
  hide: ({ tab }, _step, { setting }) => !setting.alwaysVisible && tab.page.hide(),
  show: ({ tab }) => tab.page.show(),
  offline: () => setOnline(false),
  online: () => setOnline(true),
  join,
  leave(app) {
    if (watched(app, ROOM)) return
    app.leave?.()
    app.leave = undefined
  },
  drop: (_app, { q }, context) => {
    context.rig.stop()
    gap(context, q)
    context.rig.start()
  },
  outage: (_app, { q, ms }, context) => stopFor(context, q, ms * 20),
  flap: (_app, step, context) => flap(context, step),
  'half-open': (_app, { q }, context) => {
    context.rig.world.network.halfOpen()
    gap(context, q)
  },
  'kill-worker': (_app, { q }, context) => {
    for (const worker of context.rig.world.workers.all()) worker.realm.die()
    gap(context, q)
  },
  fail: (_app, { q }, { rig }) => {
    rig.api.state.fails += 1 + (q % 2)
  },
  hang: (_app, _step, { rig }) => {
    rig.api.state.hangs = 1
  },
  'api-down': async (_app, { ms }, { rig }) => {
    rig.api.state.isDown = true
    await sleep(ms * 5)
    rig.api.state.isDown = false
  },
  cancel: ({ tab }, step) => quietly(tab.client.cancelQueries({ queryKey: keyOf(step) })),
  invalidate: ({ tab }, step) => quietly(tab.client.invalidateQueries({ queryKey: keyOf(step) })),
  refetch: (app, { q }) => watched(app, q)?.refetch(),
  load: ({ tab }, step) => {
    if (step.q !== FEED)
      quietly(tab.client.fetchQuery({ ...tab.optionsOf(keyOf(step)), staleTime: step.yes ? 0 : 1e9 }))
  },
  ensure: ({ tab }, step) => {
    if (step.q !== FEED) quietly(tab.client.ensureQueryData(tab.optionsOf(keyOf(step))))
  },
  prefetch: ({ tab }, step) => {
    if (step.q !== FEED) quietly(tab.client.prefetchQuery(tab.optionsOf(keyOf(step))))
  },
  remove: (app, step) => {
    if (!watched(app, step.q)) app.tab.client.removeQueries({ queryKey: keyOf(step), exact: true })
  },
  reset: ({ tab }, step) => quietly(tab.client.resetQueries({ queryKey: keyOf(step), exact: true })),
  'next-page': (app) => watched(app, FEED)?.next?.(),
  set: (app, step, { rig }) => {
    if (step.q === FEED || app.guessed.has(step.q)) return
    app.tab.client.setQueryData(keyOf(step), rig.api.truth(keyOf(step)))
  },
  rewrite: ({ tab }, step) => tab.client.setQueryData<unknown>(keyOf(step), (old: unknown) => old),
  'set-aged': (app, step, { rig }) => {
    if (step.q === FEED || app.guessed.has(step.q)) return
    const updatedAt = rig.now() - step.ms * 5
    const { dataUpdatedAt = 0 } = app.tab.client.getQueryState(keyOf(step)) ?? {}
    // An app that puts older data over newer is beyond help.
    if (updatedAt <= dataUpdatedAt) return
    app.tab.client.setQueryData(keyOf(step), rig.api.truth(keyOf(step), updatedAt), { updatedAt })
  },
  initial: mount((step, { rig }) => (step.q === FEED ? {} : { initialData: rig.api.truth(keyOf(step)) })),
  'initial-aged': mount((step, { rig }) => {
    const initialDataUpdatedAt = rig.now() - step.ms * 5
    return { initialData: rig.api.truth(keyOf(step), initialDataUpdatedAt), initialDataUpdatedAt }
  }),
  hydrate: ({ tab, guessed }, step, context) => {
    if (step.q === FEED) return undefined
    const state = hydrated(context, step, step.ms)
    return sleep(step.ms).then(() => !guessed.has(step.q) && tab.act(() => hydrate(tab.client, state)))
  },
  'hydrate-pending': ({ tab, guessed }, step, { rig }) => {
    if (step.q === FEED) return undefined
    const other = new QueryClient()
    const value = rig.api.truth(keyOf(step))
    quietly(other.prefetchQuery({ queryKey: keyOf(step), queryFn: () => sleep(step.ms).then(() => value) }))
    const state = dehydrate(other, { shouldDehydrateQuery: () => true })
    // Where the query has data, nothing tells such a fetch from one of the page's own.
    const isNew = () => !guessed.has(step.q) && tab.client.getQueryData(keyOf(step)) === undefined
    return sleep(step.ms / 2).then(() => isNew() && tab.act(() => hydrate(tab.client, state)))
  },
  restore: ({ tab, guessed }, step, context) => {
    if (step.q !== FEED && !guessed.has(step.q)) hydrate(tab.client, hydrated(context, step, HOUR_MS))
  },
  guess: (app, step, context) => guess(app, step, context, step.ms / 10, true),
  rollback: (app, step, context) => guess(app, step, context, step.ms / 10, false),
  'long-guess': (app, step, context) => guess(app, step, context, step.ms * 5, true),
  'long-rollback': (app, step, context) => guess(app, step, context, step.ms * 5, false),
  named: (app, step, context) => (step.q <= 1 ? named(app, step, context) : undefined),
}
