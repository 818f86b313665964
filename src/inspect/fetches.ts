import type { QueryCacheEvent, QueryClientSlice, QuerySlice } from '../invalidation/query-client.js'
import type { TabRecord } from './inspection.js'
import { plain, plainText } from './plain.js'

export type FetchRecord = Extract<TabRecord, { kind: 'fetch' }>

interface FetchesOptions {
  readonly client: QueryClientSlice
  /** Milliseconds; never set back. */
  readonly monotonic: () => number
  readonly onBegin: () => void
  readonly onRecord: (record: FetchRecord) => void
}

/**
 * Tells how each fetch of a client ends, by what its query cache tells, in TanStack Query 5.0 as in the newest. A fetch whose begin
 * was not seen is not told of. Returns the way to stop.
 */
export function watchFetches({ client, monotonic, onBegin, onRecord }: FetchesOptions): () => void {
  const began = new WeakMap<QuerySlice, number>()

  function ended(query: QuerySlice, outcome: FetchRecord['outcome'], error?: unknown): void {
    const since = began.get(query)
    if (since === undefined) return
    began.delete(query)
    const reason = outcome === 'failed' ? { reason: plainText(nameAndMessage(error)) } : {}
    const durationMs = monotonic() - since
    onRecord({ from: 'tab', kind: 'fetch', queryKey: plain(query.queryKey), outcome, durationMs, ...reason })
  }

  function onUpdated(query: QuerySlice, { type, manual, error }: NonNullable<QueryCacheEvent['action']>): void {
    switch (type) {
      case 'fetch':
        // It took the place of one that is cancelled without a word.
        ended(query, 'cancelled')
        began.set(query, monotonic())
        onBegin()
        break
      case 'success':
        if (!manual) ended(query, 'succeeded')
        break
      case 'error':
        ended(query, isCancelled(query, error) ? 'cancelled' : 'failed', error)
        break
      case 'setState':
        // Newer versions tell of a cancelled fetch by the state before it.
        if (query.state.fetchStatus === 'idle') ended(query, 'cancelled')
    }
  }

  return client.getQueryCache().subscribe(({ type, query, action }) => {
    if (type === 'updated' && action) onUpdated(query, action)
    else if (type === 'removed') ended(query, 'cancelled')
  })
}

/** Older versions tell of a cancelled fetch by an error; one that reverts keeps the former error. */
const isCancelled = (query: QuerySlice, error: unknown): boolean =>
  query.state.error !== error || (typeof error === 'object' && error !== null && 'revert' in error && 'silent' in error)

function nameAndMessage(error: unknown): string {
  try {
    return error instanceof Error
      ? error.name === 'Error'
        ? error.message
        : `${error.name}: ${error.message}`
      : String(error)
  } catch {
    return 'something that has no text'
  }
}
