import { MutationObserver, QueryClient, QueryObserver } from '@tanstack/react-query'
import * as hints from '../../src/inspect/hints.js'
import { createPartyline } from '../../src/tab/create-partyline.js'
import type { SimulatedPage } from '../../src/testing/simulated-page.js'
import type { World } from '../../src/testing/world.js'
import { createAppChecks, type OneTabRuns } from './app-checks.js'
import { addressOf, type Backend, type Identity, ownerOf, type Path, QUERIES, roomKey, type Shown } from './backend.js'
import type { Setting } from './command.js'
import { createAppCredentials, createUrlFunction } from './credentials.js'
import { abilitiesOf } from './invariants.js'
import { createAppSends } from './sends.js'

interface RowChanged {
  owner: string
  row?: number
  n: number
}

interface Events {
  row_changed: RowChanged
  list_changed: { owner: string; type: string; n: number }
  room_changed: { room: number; n: number }
}

/** How long a read takes one way at most. */
const MAX_READ_MS = 400
/** How long the app waits before it repairs a guess again. */
const REPAIR_DELAY_MS = 5_000
/** An app that polls does so soon. */
const POLLING = { downForMs: 5_000, intervalMs: 5_000 }
/** What the app gives on purpose now and then. */
const PLANNED_JUNK = /^(expiresAt|the url )/
/** A garbled frame: over Socket.IO it is a text like any other, and far too long. */
const GARBLED_TEXT = /has 7\d{4} characters/
/** The app makes none of these, and development hints see none either. */
const OWN_MISTAKES: ReadonlySet<string> = new Set([
  ...['handler-failed', 'rule-failed', 'bad-target', 'no-touches', 'rule-missed', 'scope-missed', 'too-broad'],
  ...['event-misspelt', 'data-in-metadata', 'no-identity', 'client-replaced', 'websocket-refused', 'worker-left-out'],
])
const ORIGIN_HEADER = 'x-partyline-origin'

/** Reports a broken promise. */
export type Violate = (invariant: string, what: string) => void

/** Which of an origin's apps: its name, and where its endpoint is. */
export interface AppKind {
  readonly name: string
  readonly path: Path
}

export interface AppContext {
  readonly world: World
  readonly backend: Backend
  readonly page: SimulatedPage
  readonly violate: Violate
  readonly setting: Setting
  readonly kind: AppKind
  readonly oneTab: OneTabRuns
  /** The user has signed out in this tab. */
  readonly onSignOut: (who: Identity) => void
}

/**
 * An app in one page: a QueryClient, a line, a signed-in user. It checks what it gets: every event and every row names its
 * owner.
 */
export function createApp(context: AppContext) {
  const { world, backend, page, violate, setting, kind, oneTab, onSignOut } = context
  const random = world.machine.createRandom()
  const name = page.realm.name
  const client = new QueryClient({
    defaultOptions: {
      queries: { staleTime: Infinity, gcTime: Infinity, retry: false },
      mutations: { gcTime: Infinity },
    },
  })
  const active = new Map<string, () => void>()
  const rooms = new Map<number, () => void>()
  const problems = new Map<string, number>()
  const credentials = createAppCredentials(backend, page, random, setting)
  const checks = createAppChecks(world, page, client, violate, setting)
  let identity: Identity | undefined
  let unmount: (() => void) | undefined
  /** From an unmount to the session's end. */
  let unmounting: object | undefined
  let mountedAt = 0

  const { line, isDeclared } = openLine(context, (code, message) => {
    if (typeof code !== 'string') violate('honest', `an error without a code: ${message}`)
    problems.set(code, (problems.get(code) ?? 0) + 1)
    if (code === 'data-in-metadata' && GARBLED_TEXT.test(message)) return
    if (OWN_MISTAKES.has(code) || (code === 'bad-option' && !PLANNED_JUNK.test(message)))
      violate('honest', `${code}: ${message}`)
    if (code === 'outside-touches' && !setting.brokenTouches) violate('honest', `${code}: ${message}`)
  })
  const sends = createAppSends(backend.sends, line.send)
  const owner = () => (identity === undefined ? undefined : ownerOf(identity, kind.path))
  const reads = createReads({ ...context, random, checks, identity: () => identity })

  const check = (what: string, of: unknown) => {
    if (identity === undefined && unmounting && line.status.name !== 'signed-out') return
    if (identity === undefined || line.status.name === 'signed-out')
      violate("nobody else's", `${name}: ${what} after the sign-out`)
    else if (of !== owner()) violate("nobody else's", `${name}: ${what} of ${String(of)} delivered to ${owner()}`)
  }
  line.on('row_changed', (m) => {
    if (isBare(m)) return
    check('an event', m.owner)
    checks.event(line.status, m.owner, m.n)
  })
  // Its own requests are answered all the time.
  if (setting.polling) client.getQueryCache().subscribe(({ type }) => type === 'updated' && line.reachable())
  let lastGap = line.status.lastGap
  line.subscribe(() => {
    if (line.status.lastGap !== lastGap) oneTab.gap(line.status)
    ;({ lastGap } = line.status)
  })
  line.on('row_changed', (m) => isBare(m) || oneTab.ran(name, line.status, `${kind.name} ${m.owner}`, m.n), {
    in: 'one-tab',
  })
  line.on('list_changed', (m) => isBare(m) || check('an event', m.owner))
  line.on('room_changed', (m) => isBare(m) || checks.event(line.status, `room ${m.room}`, m.n))
  line.onReceipt((receipt) => {
    // Metadata that could not be read says nothing.
    for (const { name: event, metadata } of receipt.events)
      if (event !== 'room_changed' && Object.keys(metadata).length > 0 && !isBare(metadata))
        check('a receipt', metadata['owner'])
    checks.receipt(receipt)
  })
  line.subscribe(() => {
    // After a sign-out in another tab an app keeps nothing of that user.
    if (line.status.name === 'signed-out' && identity !== undefined) page.run(forget)
  })

  function observe(queryKey: readonly unknown[]): void {
    const hash = JSON.stringify(queryKey)
    if (active.has(hash) || identity === undefined) return
    const observer = new QueryObserver<Shown>(client, {
      queryKey,
      queryFn: ({ signal }) => reads.read(queryKey, signal),
    })
    active.set(
      hash,
      observer.subscribe(({ data }) => {
        if (data && data.owner !== owner() && data.owner !== 'room')
          violate("nobody else's", `${name}: a row of ${data.owner} shown to ${owner()}`)
      }),
    )
  }
  function ignore(queryKey: readonly unknown[]): void {
    const hash = JSON.stringify(queryKey)
    active.get(hash)?.()
    active.delete(hash)
  }

  function leave(): void {
    for (const stop of active.values()) stop()
    active.clear()
    for (const stop of rooms.values()) stop()
    rooms.clear()
    unmount?.()
    unmount = undefined
    // A mount at once would join the session, so it ends a microtask later; what was to be flushed may be flushed before.
    const own = {}
    unmounting = own
    void Promise.resolve().then(() => {
      if (unmounting === own) unmounting = undefined
    })
    // The client's last callbacks still belong to the former user: an unmount takes effect a microtask later.
    client.clear()
    reads.forget()
    identity = undefined
  }
  const forget = () => {
    if (line.status.name !== 'signed-out') return
    forgottenAt = { who: identity, mountedAt, at: world.machine.monotonic() }
    leave()
  }
  let forgottenAt: { who: Identity | undefined; mountedAt: number; at: number } | undefined

  /** Sends a write, named to the server if the app does so. */
  const send = (write: (origin: string | undefined) => Shown): Promise<Shown> => {
    const post = (headers: Record<string, string> = {}) =>
      world.network.request(page.realm, MAX_READ_MS, () => write(headers[ORIGIN_HEADER]))
    return setting.ownWrites ? line.request(post) : post()
  }
  /** The answer's data is shown at once, if it is newer. */
  const show = (key: readonly unknown[], answer: Shown, who: Identity) => {
    const known = client.getQueryData<Shown>(key)?.versions[0]
    const isNewer = known !== undefined && known < (answer.versions[0] ?? 0)
    if (identity === who && setting.ownWrites && isNewer) client.setQueryData<Shown>(key, answer)
  }

  return {
    page,
    client,
    line,
    kind,
    credentials,
    fetches: checks.fetches,
    get identity() {
      return identity
    },
    /** When the user signed in here. Simulated time. */
    mountedAt: () => mountedAt,
    /** The session that a sign-out elsewhere has ended last. */
    forgotten: () => forgottenAt,
    problems,
    enter(who: Identity, queries: readonly number[]): void {
      if (identity === who) return
      if (identity !== undefined) leave()
      backend.signIn(who)
      credentials.refresh(who)
      identity = who
      mountedAt = world.machine.monotonic()
      unmount = line.mount({ queryClient: client, identity: who, auth: credentials.authFor(who) })
      for (const index of queries) observe(QUERIES[index] ?? [])
    },
    leave,
    sends,
    signOut(): void {
      if (identity === undefined) return
      const who = identity
      // A session that has ended by a sign-out elsewhere signs nobody out: the user may be back in another tab.
      if (line.status.name !== 'signed-out') onSignOut(who)
      line.signOut()
      backend.signOut(who)
      leave()
    },
    /** The app offers another attempt, as after a final refusal. */
    retry: () => line.retry(),
    use: (index: number) => observe(QUERIES[index] ?? []),
    drop: (index: number) => ignore(QUERIES[index] ?? []),
    join(room: number): void {
      if (identity === undefined || rooms.has(room)) return
      rooms.set(room, line.topic(`room-${room}`, { queryKeys: [roomKey(room)] }))
      observe(roomKey(room))
    },
    part(room: number): void {
      ignore(roomKey(room))
      rooms.get(room)?.()
      rooms.delete(room)
    },
    writeRoom(room: number): void {
      const who = identity
      if (who === undefined) return
      send((origin) => {
        backend.writeRoom(world, room, origin)
        return backend.read(who, roomKey(room), kind.path)
      }).then(
        (answer) => show(roomKey(room), answer, who),
        () => undefined,
      )
    },
    mutate(row: number, optimistic: boolean): void {
      const who = identity
      if (who === undefined) return
      const key = ['row', row]
      // The app itself repairs a wrong guess, however long that takes.
      const repair = async (): Promise<void> => {
        await client.invalidateQueries({ queryKey: key })
        if (identity === who && client.getQueryState(key)?.status === 'error')
          page.realm.after(REPAIR_DELAY_MS, () => void repair())
      }
      const observer = new MutationObserver<Shown, Error, void>(client, {
        mutationFn: () =>
          send((origin) => {
            backend.write(world, who, row, { origin, path: kind.path })
            return backend.read(who, key, kind.path)
          }),
        ...(optimistic
          ? {
              onMutate: async () => {
                await client.cancelQueries({ queryKey: key })
                client.setQueryData<Shown>(
                  key,
                  (old) => old && { ...old, versions: old.versions.map((version) => version + 1) },
                )
              },
              onSettled: repair,
            }
          : { onSuccess: (answer: Shown) => show(key, answer, who) }),
      })
      observer.mutate().catch(() => undefined)
    },
    /** The active queries whose data differs from the server's. */
    stale(): string[] {
      if (identity === undefined) return []
      const who = identity
      return [...active.keys()].flatMap((hash) => {
        const queryKey = JSON.parse(hash) as readonly unknown[]
        const state = client.getQueryState<Shown>(queryKey)
        if (!state?.data || !isDeclared(queryKey, reads.lastAt(hash))) return []
        const truth = backend.read(who, queryKey, kind.path)
        if (JSON.stringify(state.data) === JSON.stringify(truth)) return []
        const { status, fetchStatus, isInvalidated } = state
        return [
          `${name}: ${hash} shows ${state.data.versions} instead of ${truth.versions} (${status}, ${fetchStatus}${isInvalidated ? ', invalidated' : ''})`,
        ]
      })
    },
    fetchesInFlight: reads.inFlight,
  }
}

export type App = ReturnType<typeof createApp>

/** Leads to one row or to all, and to the lists: which of it only `touches` says beforehand. */
const keysOf = ({ row }: RowChanged) => (row === undefined ? (['row', 'list'] as const) : [['row', row] as const])

/** The app's line: its rules, and its options as the history has them. */
function openLine(
  { world, backend, page, setting, kind }: AppContext,
  onError: (code: string, message: string) => void,
) {
  /** When the line first heard that its rule leads to rows, though it did not say so. Simulated time. */
  let widenedAt = setting.brokenTouches ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
  const { url, path } = addressOf(kind.path, setting.transport)
  const line = createPartyline<Events>(
    {
      url: setting.urlFunction ? createUrlFunction(backend, page, world.machine.createRandom(), url) : url,
      name: kind.name,
      transport: setting.transport,
      socket: path === '' ? {} : { path },
      // A leader tab needs a channel to its followers.
      host: setting.host === 'leader-tab' && !abilitiesOf(setting).channel ? 'auto' : setting.host,
      lingerMs: setting.linger,
      shareFetches: setting.shareFetches,
      clearOnSwitch: setting.clearOnSwitch,
      polling: setting.polling && POLLING,
      invalidates: {
        row_changed: {
          touches: setting.brokenTouches ? ['list'] : ['row', 'list'],
          targets(m) {
            widenedAt = Math.min(widenedAt, world.machine.monotonic())
            return keysOf(m)
          },
        },
        list_changed: { touches: ['list'], targets: (m) => [{ queryKey: ['list'], scope: { type: m.type } }] },
        room_changed: { touches: ['room'], targets: (m) => [roomKey(m.room)] },
      },
      onError: ({ code, message }) => onError(code, message),
    },
    { ...page.environment, loadHints: async () => hints },
  )
  return {
    line,
    /** Whether a query's data, read at that moment, is kept fresh after gaps: nobody knows of what no rule has told. */
    isDeclared: ([head]: readonly unknown[], readAt: number) => head !== 'row' || readAt > widenedAt,
  }
}

interface ReadsOptions extends AppContext {
  readonly random: () => number
  readonly checks: ReturnType<typeof createAppChecks>
  readonly identity: () => Identity | undefined
}

/** The app's reads: one at a time for each query. */
function createReads({ world, backend, page, violate, kind, random, checks, identity }: ReadsOptions) {
  const { name } = page.realm
  const fetching = new Map<string, number>()
  const startedAt = new Map<string, number>()
  return {
    /** When a query was read last. Simulated time. */
    lastAt: (hash: string) => startedAt.get(hash) ?? 0,
    read(key: readonly unknown[], signal: AbortSignal): Promise<Shown> {
      const who = identity()
      const hash = JSON.stringify(key)
      checks.fetchStarts(hash)
      startedAt.set(hash, world.machine.monotonic())
      const others = fetching.get(hash) ?? 0
      if (others > 0) violate('no storm', `${name}: ${others + 1} fetches of ${hash} in flight at once`)
      fetching.set(hash, others + 1)
      let counted = true
      const done = () => {
        if (counted) fetching.set(hash, (fetching.get(hash) ?? 1) - 1)
        counted = false
      }
      signal.addEventListener('abort', done)
      return world.network
        .request(page.realm, 5 + random() * MAX_READ_MS, () => {
          if (who === undefined || backend.token(who) === undefined) throw new Error('401')
          return backend.read(who, key, kind.path)
        })
        .finally(done)
    },
    forget: () => fetching.clear(),
    inFlight: () => [...fetching.values()].reduce((sum, count) => sum + count, 0),
  }
}

/** In place of the event something came that is no object: whose it is, nobody knows, and its rule reaches all that it can. */
const isBare = (metadata: object): boolean => 'value' in metadata
