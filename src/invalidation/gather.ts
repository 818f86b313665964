import type { QuerySlice } from './query-client.js'

/** Hands over together, when it is done, what one task says of queries one by one. */
export function gather(take: (hashes: ReadonlySet<string>) => void): (query: QuerySlice) => void {
  let hashes = new Set<string>()
  const handOver = () => {
    const due = hashes
    hashes = new Set()
    take(due)
  }
  return ({ queryHash }) => {
    if (hashes.size === 0) void Promise.resolve().then(handOver)
    hashes.add(queryHash)
  }
}
