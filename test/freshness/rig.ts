import {
  InfiniteQueryObserver,
  onlineManager,
  QueryClient,
  type QueryKey,
  QueryObserver,
  type QueryObserverOptions,
} from '@tanstack/react-query'
import { afterEach } from 'vitest'
import type { Receipt } from '../../src/invalidation/receipt.js'
// Loaded beforehand, so that the line's own imports of them take no real time.
import '../../src/tab/session.js'
import '../../src/hub/tab-hub.js'
import '../../src/invalidation/sharing.js'
import '../../src/tab/tab-hosts.js'
import { createPartyline } from '../../src/tab/create-partyline.js'
import type { PartylineOptions } from '../../src/tab/options.js'
import { simulatedSha256 } from '../../src/testing/sha256.js'
import { createWorld } from '../../src/testing/world.js'
import { createApi } from './api.js'
import { installClock } from './clock.js'

/**
 * One browser with a line in each of its tabs, and a REST API: what a user of the library has, and nothing of its inside. All
 * tests of freshness build it here.
 */
export interface RigOptions {
  readonly seed?: number
  /** @default 1 */
  readonly tabs?: number
  /** How long a read of the API takes, in milliseconds. */
  readonly takesMs?: number
  /** What each page draws at random. */
  readonly random?: () => number
  readonly line?: Partial<PartylineOptions<Events>>
  /** Defaults of the QueryClients. */
  readonly queries?: Omit<QueryObserverOptions, 'queryKey'>
  /** Runs before a tab's line is mounted. */
  readonly before?: (client: QueryClient, now: () => number) => void
}

interface Item {
  id: number
}

export interface Events {
  item: Item
  items: object
  scoped: { type: string }
  two: Item
  branchy: { type: string; id: number }
  feed: object
  room: object
}

/** Which queries each event makes stale. A rule of another shape than today's has to be written here only. */
const invalidates: PartylineOptions<Events>['invalidates'] = {
  item: ({ id }: Item) => [['item', id]],
  items: ['item'],
  scoped: ({ type }: { type: string }) => [{ queryKey: ['list'], scope: { type } }],
  two: ({ id }: Item) => [['item', id], ['cards']],
  branchy: ({ type, id }: { type: string; id: number }) => [type === 'card' ? ['cards'] : ['transfers', id]],
  feed: ['feed'],
  room: ['room'],
}

export const IDENTITY = 'ann'
export const TOPIC = 'room'
/** All that is under way after a connection was made has ended: a resync's jitter is shorter. */
const SETTLE_MS = 5_000

/** A fetch that has begun, as the cache says it. */
export interface Fetch {
  readonly hash: string
  readonly at: number
  /** Neither the app nor TanStack Query has begun it. */
  readonly isOurs: boolean
  readonly wasVisible: boolean
  readonly hadData: boolean
}

export interface Received {
  readonly at: number
  readonly receipt: Receipt
}

export type Rig = Awaited<ReturnType<typeof openRig>>
export type RigTab = ReturnType<typeof openTab>

export async function openRig(options: RigOptions = {}) {
  const { seed = 1, tabs: tabCount = 1, takesMs = 10 } = options
  const world = createWorld({
    seed,
    webLocks: true,
    channel: true,
    extendedLifetime: false,
    restarts: false,
    delay: 2,
    recovery: false,
    renewal: false,
    identify: (_auth, mountedFor) => mountedFor,
  })
  const uninstall = installClock(world.machine)
  const now = world.machine.now
  const api = createApi(now, takesMs)
  const tabs = Array.from({ length: tabCount }, () => openTab(world, api, options))
  const pass = (ms: number) => world.pass(ms)

  /** The server sends an event for each of the entities that change. */
  function change(event: keyof Events, metadata: object, entities: readonly string[]): void {
    api.change(entities)
    if (event === 'room') world.server.emitTo(TOPIC, event, metadata)
    else world.server.emit(IDENTITY, event, metadata)
  }

  await pass(SETTLE_MS)
  return {
    world,
    api,
    tabs,
    now,
    pass,
    change,
    /** An event for item 0, which `['item', 0]` is. */
    changeItem: (id = 0) => change('item', { id }, [`item${id}`]),
    /** The server restarts: what changes before `start` is announced to nobody. */
    stop: () => world.server.stop(),
    start: () => world.server.open(),
    /** Ends the clock of this rig. Nothing of it runs any more. */
    close: uninstall,
    get only(): RigTab {
      const [tab] = tabs
      if (!tab) throw new Error('no tab')
      return tab
    },
  }
}

/** Gives `openRig` for the tests of a file. What they open is closed after each. */
export function rigsOfTests(): typeof openRig {
  const opened: Rig[] = []
  afterEach(() => {
    setOnline(true)
    for (const rig of opened.splice(0)) {
      for (const { client } of rig.tabs) client.clear()
      rig.close()
    }
  })
  return async (options) => {
    const rig = await openRig(options)
    opened.push(rig)
    return rig
  }
}

function openTab(
  world: ReturnType<typeof createWorld>,
  api: ReturnType<typeof createApi>,
  { random, line: lineOptions, queries, before }: RigOptions,
) {
  const now = world.machine.now
  const page = world.openPage({ sharedWorker: true, workerTrouble: undefined, script: 'worker.js' })
  const environment = { ...page.environment, ...(random && { random }) }
  const client = new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: Number.POSITIVE_INFINITY,
        gcTime: Number.POSITIVE_INFINITY,
        retry: false,
        refetchOnReconnect: false,
        refetchOnWindowFocus: false,
        ...queries,
      },
      mutations: { gcTime: Number.POSITIVE_INFINITY },
    },
  })
  client.mount()
  before?.(client, now)
  const codes: string[] = []
  const receipts: Received[] = []
  const fetches: Fetch[] = []
  let acting = 0

  /** Runs the app's own code: a fetch that begins meanwhile is none of the library's. */
  function act<T>(run: () => T): T {
    acting++
    try {
      return run()
    } finally {
      acting--
    }
  }

  client.getQueryCache().subscribe((event) => {
    if (event.type !== 'updated' || event.action.type !== 'fetch') return
    const { queryHash: hash, state } = event.query
    const hadData = state.data !== undefined
    fetches.push({ hash, at: now(), isOurs: acting === 0, wasVisible: page.isVisible(), hadData })
  })
  const line = createPartyline<Events>(
    { url: 'https://api.example.com', invalidates, onError: ({ code }) => codes.push(code), ...lineOptions },
    environment,
  )
  line.onReceipt((receipt) => receipts.push({ at: now(), receipt }))
  line.mount({ queryClient: client, identity: IDENTITY, auth: () => ({ token: 'x' }) })

  const optionsOf = (queryKey: QueryKey) => ({
    queryKey,
    queryFn: ({ signal }: { signal: AbortSignal }) => api.read(queryKey, signal),
  })

  return {
    client,
    line,
    page,
    codes,
    receipts,
    fetches,
    act,
    optionsOf,
    data: (queryKey: QueryKey) => client.getQueryData<unknown>(queryKey),
    /** Puts a query into use. */
    watch(queryKey: QueryKey, more: Partial<QueryObserverOptions> = {}) {
      return act(() => {
        const observer = new QueryObserver<unknown>(client, { ...optionsOf(queryKey), ...more } as QueryObserverOptions)
        const stop = observer.subscribe(() => undefined)
        return {
          stop: () => act(stop),
          refetch: () => act(() => void observer.refetch()),
          set: (other: Partial<QueryObserverOptions>) =>
            act(() => observer.setOptions({ ...observer.options, ...other } as typeof observer.options)),
        }
      })
    },
    /** Puts the list of pages into use. */
    watchFeed() {
      return act(() => {
        const feed = {
          queryKey: ['feed'],
          initialPageParam: 0,
          queryFn: ({ signal }: { signal: AbortSignal }) => api.read(['feed'], signal),
          getNextPageParam: (_last: unknown, pages: readonly unknown[]) =>
            pages.length < 5 ? pages.length : undefined,
        }
        const observer = new InfiniteQueryObserver(client, feed)
        const stop = observer.subscribe(() => undefined)
        return {
          stop: () => act(stop),
          refetch: () => act(() => void observer.refetch()),
          next: () => act(() => void observer.fetchNextPage()),
          set: (more: { enabled?: boolean }) => act(() => observer.setOptions({ ...feed, ...more })),
        }
      })
    },
    /** A request of this tab's that changes something; gives what the server makes of its origin. */
    write<T>(run: (origin: string) => Promise<T>): Promise<T> {
      return line.request((headers) => run(simulatedSha256(headers['x-partyline-origin'] ?? '').slice(0, 22)))
    },
    /** When this tab has begun to fetch a query since `since`, in milliseconds from then. */
    fetchedAfter: (queryKey: QueryKey, since: number) =>
      fetches.filter(({ hash, at }) => hash === JSON.stringify(queryKey) && at >= since).map(({ at }) => at - since),
  }
}

/** Takes the tab's user offline, as TanStack Query sees it. */
export const setOnline = (is: boolean) => onlineManager.setOnline(is)
