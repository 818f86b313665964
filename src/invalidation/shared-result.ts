/** What a tab has heard of: everything up to a place in a hub's life, which all its tabs number alike. */
export interface Version {
  readonly epoch: string
  readonly seq: number
}

/** In no hub's life: no result holds for it. */
export const NOWHERE: Version = { epoch: '', seq: 0 }

/** Data that one tab fetched, for all. */
export interface Result extends Version {
  readonly hash: string
  readonly data: unknown
  /** When its fetch began, and when it ended. Milliseconds since the Unix epoch, on the one clock that all tabs have. */
  readonly began: number
  readonly at: number
}

export function isResult(data: unknown): data is Result {
  if (typeof data !== 'object' || data === null) return false
  const { hash, epoch, seq, began, at } = data as Partial<Record<keyof Result, unknown>>
  return typeof hash === 'string' && typeof epoch === 'string' && [seq, began, at].every(Number.isFinite)
}
