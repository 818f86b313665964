import { hashKey, partialMatchKey, type QueryKey } from '@tanstack/react-query'
import type { Receipt } from 'partyline'
import { invalidates } from './realtime.js'

/** Fetches, counted two ways. */
export interface Tally {
  /** What "every event invalidates its keys at once" would have fetched. */
  readonly naive: number
  /** What was fetched. */
  readonly actual: number
}

/**
 * Counts one receipt. Naive: for every event, every query of the receipt (whatever became of it) that one of the event's
 * targets matches by TanStack's prefix rules, scope or no scope, is one fetch. Actual: what was refetched, plus what was
 * being fetched already and is fetched once more.
 */
export function tallyOf(receipt: Receipt): Tally {
  const { refetched, joined, deferred, skipped } = receipt
  const keys = new Map([...refetched, ...joined, ...deferred, ...skipped].map((key) => [hashKey(key), key]))
  let naive = 0
  for (const event of receipt.events) {
    const prefixes = prefixesOf(event.name, event.metadata)
    for (const key of keys.values()) {
      if (prefixes.some((prefix) => partialMatchKey(key, prefix))) naive += 1
    }
  }
  return { naive, actual: refetched.length + joined.length }
}

type Target = string | QueryKey | { readonly queryKey: QueryKey }

/** The query keys that an event is mapped to. The map is the app's own, so its few shapes are known. */
function prefixesOf(name: string, metadata: Readonly<Record<string, unknown>>): QueryKey[] {
  if (!Object.hasOwn(invalidates, name)) return []
  const rule = invalidates[name as keyof typeof invalidates]
  const targets: readonly Target[] = 'targets' in rule ? rule.targets(metadata as { accountId: string }) : rule
  return targets.map((target) => {
    if (typeof target === 'string') return [target]
    return 'queryKey' in target ? target.queryKey : target
  })
}
