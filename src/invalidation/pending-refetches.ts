import type { TabEnvironment } from '../platform/page.js'
import type { Apply } from './apply.js'
import type { Debts } from './debts.js'
import type { Fetching } from './fetching.js'
import type { createMutationHold } from './mutation-hold.js'
import { isIdle, type QueryClientSlice, type QuerySlice } from './query-client.js'
import type { Receipt } from './receipt.js'

/** One connection that did not hold may be a server that was restarted; so many in a row are a line that flaps. */
export const MIN_FLAPS = 2
/** A line that flaps is resynced this often at least. */
const MAX_JITTER_MS = 60_000

interface PendingRefetchesOptions {
  readonly client: QueryClientSlice
  readonly environment: Pick<TabEnvironment, 'random'> & {
    readonly timers: Pick<TabEnvironment['timers'], 'after'>
    readonly page: Pick<TabEnvironment['page'], 'isVisible' | 'on'>
  }
  readonly jitterMs: number
  readonly debts: Debts
  readonly fetching: Fetching
  readonly apply: Apply
  readonly mutationHold: ReturnType<typeof createMutationHold>
}

/**
 * Fetches the pending refetches of active queries while the tab is visible: after a gap, when shown, when observed.
 * @param mappedQueries Returns the test whether a rule can reach a query.
 */
export function createPendingRefetches(
  options: PendingRefetchesOptions,
  mappedQueries: () => (query: QuerySlice) => boolean,
) {
  const { client, environment, jitterMs, debts, fetching, apply, mutationHold } = options
  const { timers, page, random } = environment
  let cancelGapRefetch: (() => void) | undefined
  let closed = false
  let flaps = 0

  // The mutation hold tells jobs apart by identity, so each is one function.
  const refetchVisible = () => refetchPending('visible')
  // A component that is mounted again whenever a fetch fails must not make a loop of it.
  const refetchObserved = () => refetchPending('visible', ({ state }) => state.status !== 'error')
  const refetchAfterGap = () => refetchPending('gap')
  const whenVisible = () => mutationHold.run(refetchVisible)
  const stopWatching = page.on('visible', whenVisible)

  function jitter(): number {
    if (flaps < MIN_FLAPS) return random() * jitterMs
    // Never at once: the next gap is near.
    return Math.max(jitterMs, Math.min(MAX_JITTER_MS, jitterMs * 2 ** (flaps - 1))) * (0.5 + random() / 2)
  }

  function refetchPending(cause: 'gap' | 'visible', which: (query: QuerySlice) => boolean = () => true): void {
    if (closed || !page.isVisible() || debts.size === 0) return
    const due = new Set<QuerySlice>()
    for (const hash of debts.hashes()) {
      const query = client.getQueryCache().get(hash)
      if (!query) debts.settle(hash)
      else if (isIdle(query) && query.isActive() && which(query)) due.add(query)
    }
    if (due.size > 0) refetch(cause, (query) => due.has(query))
  }

  function pollNow(): void {
    if (closed || !page.isVisible()) return
    const isMapped = mappedQueries()
    refetch('poll', (query) => isIdle(query) && query.isActive() && isMapped(query))
  }

  function refetch(cause: Receipt['cause'], which: (query: QuerySlice) => boolean): void {
    // While events may be missing, nobody can tell what another tab's poll contains.
    const { markStale } = cause === 'poll' ? debts : fetching
    fetching.follow(apply(cause, [], (query) => (which(query) ? markStale(query, true) : undefined)))
  }

  return {
    /** So many connections in a row did not hold. */
    flapped(count: number): void {
      flaps = count
    },
    /** Repeated gaps within the jitter end in one refetch. A line that flaps refetches ever less often. */
    afterGap(): void {
      if (closed || debts.size === 0) return
      cancelGapRefetch ??= timers.after(jitter(), () => {
        cancelGapRefetch = undefined
        mutationHold.run(refetchAfterGap)
      })
    },
    whenVisible,
    whenObserved: () => mutationHold.run(refetchObserved),
    poll: () => mutationHold.run(pollNow),
    close(): void {
      closed = true
      cancelGapRefetch?.()
      stopWatching()
    },
  }
}
