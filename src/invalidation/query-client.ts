import type { QueryKey } from './target.js'

/**
 * The slice of TanStack Query's `QueryClient` that is used here, written out so that Partyline works with the
 * client of any adapter (React, Vue, Svelte, Solid) and never brings a second copy of query-core.
 */
export interface QueryClientSlice {
  getQueryCache(): {
    get(queryHash: string): QuerySlice | undefined
    getAll(): readonly QuerySlice[]
    /** Takes the very query away that `getAll` gave. Bivariant on purpose: TanStack's own wants its own class. */
    remove(query: never): void
    subscribe(listener: (event: QueryCacheEvent) => void): () => void
  }
  getMutationCache(): {
    subscribe(listener: () => void): () => void
    clear(): void
  }
  isMutating(): number
  refetchQueries(
    filters: { readonly predicate: (query: QuerySlice) => boolean },
    options: { readonly cancelRefetch: boolean },
  ): Promise<void>
}

/** What the cache tells of a query; `manual` is a `setQueryData`. */
export interface QueryCacheEvent {
  readonly type: string
  readonly query: QuerySlice
  readonly action?: {
    readonly type: string
    readonly manual?: boolean | undefined
  }
}

export interface QuerySlice {
  readonly queryHash: string
  readonly queryKey: QueryKey
  readonly meta?: Readonly<Record<string, unknown>> | undefined
  readonly options?: { readonly initialData?: unknown }
  readonly state: {
    readonly data?: unknown
    readonly dataUpdatedAt: number
    readonly fetchStatus: 'fetching' | 'paused' | 'idle'
    readonly isInvalidated: boolean
    readonly status: 'pending' | 'error' | 'success'
    /** How the fetch was begun that is under way, or was the last: `fetchMore` for another page of an infinite query. */
    readonly fetchMeta?: { readonly fetchMore?: unknown } | null
  }
  isActive(): boolean
  getObserversCount(): number
  /** `staleTime: 'static'`; absent in versions of TanStack Query that do not know it. */
  isStatic?(): boolean
  invalidate(): void
  setData(data: unknown, options: { readonly updatedAt: number; readonly manual: true }): unknown
  /** Back to what it was before its first fetch. */
  reset(): void
  fetch(options: undefined, fetchOptions: { readonly cancelRefetch: boolean }): Promise<unknown>
}

export const isIdle = (query: QuerySlice): boolean => query.state.fetchStatus === 'idle'
