import type { QueryKey } from './target.js'

/**
 * The part of TanStack Query's `QueryClient` that Partyline uses, written out. So Partyline works with the client of
 * any adapter (React, Vue, Svelte, Solid), and never brings a second copy of query-core.
 */
export interface QueryClientSlice {
  getQueryCache(): {
    get(queryHash: string): QuerySlice | undefined
    getAll(): readonly QuerySlice[]
    /** Removes a query that `getAll` returned. The type is loose on purpose: TanStack's own takes its own class. */
    remove(query: never): void
    subscribe(listener: (event: QueryCacheEvent) => void): () => void
  }
  getMutationCache(): {
    getAll(): readonly MutationSlice[]
    subscribe(
      listener: (event: { readonly type: string; readonly mutation?: MutationSlice | undefined }) => void,
    ): () => void
    clear(): void
  }
  isMutating(): number
  refetchQueries(
    filters: { readonly predicate: (query: QuerySlice) => boolean },
    options: { readonly cancelRefetch: boolean },
  ): Promise<void>
}

export interface MutationSlice {
  readonly state: { readonly status: string }
}

/** A change of a query in the cache. `manual` is a `setQueryData`, `dataUpdatedAt` the date that was given with it. */
export interface QueryCacheEvent {
  readonly type: string
  readonly query: QuerySlice
  readonly action?: {
    readonly type: string
    readonly manual?: boolean | undefined
    readonly dataUpdatedAt?: number | undefined
    readonly error?: unknown
  }
}

export interface QuerySlice {
  readonly queryHash: string
  readonly queryKey: QueryKey
  readonly meta?: Readonly<Record<string, unknown>> | undefined
  readonly options?: { readonly initialData?: unknown; readonly queryFn?: unknown; readonly initialPageParam?: unknown }
  readonly state: {
    readonly data?: unknown
    readonly dataUpdatedAt: number
    readonly fetchStatus: 'fetching' | 'paused' | 'idle'
    readonly isInvalidated: boolean
    readonly status: 'pending' | 'error' | 'success'
    readonly error: unknown
    /** Of the running fetch so far, or of the last one. */
    readonly fetchFailureCount: number
    /** How the running or last fetch was started: `fetchMore` for another page of an infinite query. */
    readonly fetchMeta?: { readonly fetchMore?: unknown } | null
  }
  isActive(): boolean
  getObserversCount(): number
  /** `staleTime: 'static'`. Absent in versions of TanStack Query without it. */
  isStatic?(): boolean
  invalidate(): void
  /** `revert`: the state before the fetch returns. */
  cancel(options: { readonly revert: true }): Promise<void>
  setData(data: unknown, options: { readonly updatedAt: number; readonly manual: true }): unknown
  /** Restores the state before the first fetch. */
  reset(): void
  fetch(options: undefined, fetchOptions: { readonly cancelRefetch: boolean }): Promise<unknown>
}

/**
 * How a query follows events, by its `meta.live`. `always`: fetched in a hidden tab too. `first-page`: of an infinite query only the
 * first page is fetched, and the others when the user scrolls to them. `manual`: what changed is told, and fetched when the app
 * asks. `off`: events do not concern it.
 */
export type LiveMode = 'auto' | 'always' | 'first-page' | 'manual' | 'off'

const LIVE_MODES: readonly unknown[] = ['always', 'first-page', 'manual', 'off'] satisfies LiveMode[]

export const liveModeOf = ({ meta }: Pick<QuerySlice, 'meta'>): LiveMode => {
  const live = meta?.['live']
  return live !== undefined && LIVE_MODES.includes(live) ? (live as LiveMode) : 'auto'
}

/** The data of an infinite query. */
export interface Pages {
  readonly pages: readonly unknown[]
  readonly pageParams: readonly unknown[]
}

/** Also before it has data. */
export const isInfinite = ({ options }: QuerySlice): boolean => options !== undefined && 'initialPageParam' in options

/** Undefined if the query has no data, or is not infinite. */
export function pagesOf({ state }: QuerySlice): Pages | undefined {
  const { pages, pageParams } = (state.data ?? {}) as Partial<Record<string, unknown>>
  return Array.isArray(pages) && Array.isArray(pageParams) ? { pages, pageParams } : undefined
}

export const isIdle = (query: QuerySlice): boolean => query.state.fetchStatus === 'idle'
