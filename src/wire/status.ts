/** Where the hub runs. */
export type Host = 'shared-worker' | 'leader-tab' | 'this-tab'

/** A rung of the ladder that was left, and why. */
export interface Step {
  readonly host: Host
  readonly reason: string
}

/** A stretch of time in which events may have been missed. A resync follows. */
export interface Gap {
  /** Why events may have been missed. */
  readonly reason: string
  /** Data fetched before this moment may be out of date. Milliseconds since the Unix epoch. */
  readonly until: number
}

interface Standing {
  /** Where the hub runs. Undefined while none has been found. */
  readonly host: Host | undefined
  /** This tab's role. Only a `leader-tab` host has roles. */
  readonly role: 'leader' | 'follower' | undefined
  /** The rungs that were tried before this host, and why each was left. Empty when the first one led to a hub. */
  readonly steps: readonly Step[]
  /** How many tabs share the socket, this one included. 0 while there is no hub. */
  readonly tabs: number
  /** When this state began. Milliseconds since the Unix epoch. */
  readonly since: number
  /** The identity of the hub's life. Another one means another hub. */
  readonly epoch: string | undefined
  /** The last stretch in which events may have been missed. */
  readonly lastGap: Gap | undefined
  /** The fetches that this tab still owes. While the count is not 0, the data on the screen may be old. */
  readonly pending: Pending
}

/** The fetches that queries in use owe. */
interface Pending {
  /** How many queries. */
  readonly count: number
  /** Since when the first of them does. Milliseconds since the Unix epoch. Undefined if none does. */
  readonly since: number | undefined
}

/**
 * The state of a line. Narrow it on `name`. The same object is kept until something changes, so it suits
 * `useSyncExternalStore`.
 *
 * - `idle`: nobody is signed in, or nothing is mounted: no socket is wanted.
 * - `connecting`: on the way to a first connection. `reason` is the last failure, if there was one.
 * - `connected`: events flow.
 * - `disconnected`: the socket was lost and is being reconnected.
 * - `unauthorized`: the server refused this identity's credentials more than once. They are tried again after growing
 *   pauses, up to a minute apart. After a final refusal they are tried only at `mount`, at `retry`, or when another tab
 *   attaches.
 * - `wrong-identity`: this browser's credentials belong to another user. No event of that user is delivered. Every open
 *   tab's credentials are tried, after growing pauses.
 * - `signed-out`: `signOut()` was called in this tab or in another one of this identity.
 */
export type Status = Standing &
  (
    | { readonly name: 'idle' | 'connecting' | 'connected'; readonly reason?: string | undefined }
    | { readonly name: 'disconnected' | 'unauthorized' | 'wrong-identity' | 'signed-out'; readonly reason: string }
  )

export type StatusName = Status['name']

/** Reasons of a status. */
export const SIGNED_OUT_HERE = 'signed out in this tab'
export const SIGNED_OUT_ELSEWHERE = 'signed out in a tab of this browser'

/** Nobody is signed in, nothing is mounted. */
export const IDLE = {
  name: 'idle',
  host: undefined,
  role: undefined,
  steps: [],
  tabs: 0,
  since: 0,
  epoch: undefined,
  lastGap: undefined,
  pending: { count: 0, since: undefined },
} as const satisfies Status
