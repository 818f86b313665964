'use client'

import { useCallback, useSyncExternalStore } from 'react'
import { type AnyLine, useLine } from './context.js'
import { useLatest } from './use-latest.js'

type PendingKey = Parameters<AnyLine['pendingChanges']>[0]
type PendingChangesOfLine = ReturnType<AnyLine['pendingChanges']>

export interface UsePendingChanges extends PendingChangesOfLine {
  /** Fetches the queries now. */
  refresh(): void
}

/** A server renders no changes. */
const getNothing = () => '{"count":0,"isUncertain":false}'

/**
 * The changes of queries with `meta: { live: 'manual' }`, to be fetched when the user asks ("3 changes, refresh").
 * @param queryKey - All queries whose key begins with it.
 * @param line - Default: the line of the `PartylineProvider` around. Throws when there is neither.
 */
export function usePendingChanges(queryKey: PendingKey, line?: AnyLine): UsePendingChanges {
  const found = useLine(line)
  const latest = useLatest(queryKey)
  // A text, because a snapshot has to be the same until something changes.
  const getText = () => JSON.stringify(found.pendingChanges(queryKey))
  const changes: PendingChangesOfLine = JSON.parse(useSyncExternalStore(found.subscribe, getText, getNothing))
  const refresh = useCallback(() => {
    if (latest.current) found.refresh(latest.current)
  }, [found, latest])
  return { ...changes, since: changes.since, refresh }
}
