import { MutationObserver, QueryClient, QueryObserver } from '@tanstack/react-query'
import { createPartyline } from '../../src/tab/create-partyline.js'
import type { SimulatedPage } from '../../src/testing/simulated-page.js'
import type { World } from '../../src/testing/world.js'
import { type Backend, type Identity, QUERIES, type Shown } from './backend.js'
import type { Setting } from './command.js'

interface Events {
  row_changed: { owner: string; row: number }
  list_changed: { owner: string; type: string }
}

/** How long a read takes one way at most. */
const MAX_READ_MS = 400

/** How long the app waits before it repairs a guess again. */
const REPAIR_DELAY_MS = 5_000

/** Reports a broken promise. */
export type Violate = (invariant: string, what: string) => void

/**
 * An app in one page: a QueryClient, a line, a signed-in user. It checks what it gets: every event and every row names its
 * owner.
 */
export function createApp(
  world: World,
  backend: Backend,
  page: SimulatedPage,
  violate: Violate,
  { linger, shareFetches }: Pick<Setting, 'linger' | 'shareFetches'>,
) {
  const random = world.machine.createRandom()
  const name = page.realm.name
  const client = new QueryClient({
    defaultOptions: {
      queries: { staleTime: Infinity, gcTime: Infinity, retry: false },
      mutations: { gcTime: Infinity },
    },
  })
  const fetching = new Map<string, number>()
  const active = new Map<number, () => void>()
  const problems = new Map<string, number>()
  let identity: Identity | undefined
  let unmount: (() => void) | undefined

  const line = createPartyline<Events>(
    {
      url: 'https://api.example',
      lingerMs: linger,
      shareFetches,
      invalidates: {
        row_changed: (m: { owner: string; row: number }) => [['row', m.row]],
        list_changed: (m: { owner: string; type: string }) => [{ queryKey: ['list'], scope: { type: m.type } }],
      },
      onError(error) {
        problems.set(error.code, (problems.get(error.code) ?? 0) + 1)
        if (error.code === 'handler-failed' || error.code === 'bad-option')
          violate('honest', `${error.code}: ${error.message}`)
      },
    },
    page.environment,
  )

  const check = (what: string, owner: unknown) => {
    if (identity === undefined || line.status.name === 'signed-out')
      violate("nobody else's", `${name}: ${what} after the sign-out`)
    else if (owner !== identity)
      violate("nobody else's", `${name}: ${what} of ${String(owner)} delivered to ${identity}`)
  }
  line.on('row_changed', (m) => check('an event', m.owner))
  line.on('list_changed', (m) => check('an event', m.owner))
  line.onReceipt((receipt) => {
    for (const { metadata } of receipt.events) check('a receipt', metadata['owner'])
  })
  line.subscribe(() => {
    // After a sign-out in another tab an app keeps nothing of that user.
    if (line.status.name === 'signed-out' && identity !== undefined) page.run(forget)
  })

  function read(key: readonly unknown[], signal: AbortSignal): Promise<Shown> {
    const who = identity
    const hash = JSON.stringify(key)
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
        return backend.read(who, key)
      })
      .finally(done)
  }

  function use(index: number): void {
    const queryKey = QUERIES[index]
    if (!queryKey || active.has(index) || identity === undefined) return
    const observer = new QueryObserver<Shown>(client, { queryKey, queryFn: ({ signal }) => read(queryKey, signal) })
    active.set(
      index,
      observer.subscribe(({ data }) => {
        if (data && data.owner !== identity)
          violate("nobody else's", `${name}: a row of ${data.owner} shown to ${identity}`)
      }),
    )
  }

  function leave(): void {
    for (const stop of active.values()) stop()
    active.clear()
    unmount?.()
    unmount = undefined
    // The client's last callbacks still belong to the former user: an unmount takes effect a microtask later.
    client.clear()
    fetching.clear()
    identity = undefined
  }
  const forget = () => {
    if (line.status.name === 'signed-out') leave()
  }

  return {
    page,
    client,
    line,
    get identity() {
      return identity
    },
    problems,
    enter(who: Identity, queries: readonly number[]): void {
      if (identity === who) return
      if (identity !== undefined) leave()
      backend.signIn(who)
      identity = who
      // It is also called later: always for this mount's user, never for the next one.
      const auth = () =>
        new Promise<object>((resolve) => {
          page.realm.task(random() * 50, () => resolve({ token: backend.token(who) ?? 'none' }))
        })
      unmount = line.mount({ queryClient: client, identity: who, auth })
      for (const index of queries) use(index)
    },
    leave,
    signOut(): void {
      if (identity === undefined) return
      const who = identity
      line.signOut()
      backend.signOut(who)
      leave()
    },
    use,
    drop(index: number): void {
      active.get(index)?.()
      active.delete(index)
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
      const observer = new MutationObserver<void, Error, void>(client, {
        mutationFn: () => world.network.request(page.realm, MAX_READ_MS, () => backend.write(world, who, row)),
        ...(optimistic && {
          onMutate: async () => {
            await client.cancelQueries({ queryKey: key })
            client.setQueryData<Shown>(
              key,
              (old) => old && { ...old, versions: old.versions.map((version) => version + 1) },
            )
          },
          onSettled: repair,
        }),
      })
      observer.mutate().catch(() => undefined)
    },
    /** The active queries whose data differs from the server's. */
    stale(): string[] {
      if (identity === undefined) return []
      const who = identity
      return [...active.keys()].flatMap((index) => {
        const queryKey = QUERIES[index] ?? []
        const state = client.getQueryState<Shown>(queryKey)
        if (!state?.data) return []
        const truth = backend.read(who, queryKey)
        if (JSON.stringify(state.data) === JSON.stringify(truth)) return []
        const { status, fetchStatus, isInvalidated } = state
        return [
          `${name}: ${JSON.stringify(queryKey)} shows ${state.data.versions} instead of ${truth.versions} (${status}, ${fetchStatus}${isInvalidated ? ', invalidated' : ''})`,
        ]
      })
    },
    fetchesInFlight: () => [...fetching.values()].reduce((sum, count) => sum + count, 0),
  }
}

export type App = ReturnType<typeof createApp>
