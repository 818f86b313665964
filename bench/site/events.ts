/** What the bench's server emits. */

/** `tick`: makes nothing stale. */
export interface Tick {
  /** When it was emitted, by the bench's clock. */
  readonly at: number
}

/** `changed`: makes an account's balance and the lists of transactions stale. */
export interface Change {
  readonly accountId: string
  readonly type: string
  /** From 1 to `of`. */
  readonly number: number
  readonly of: number
  readonly [field: string]: unknown
}
