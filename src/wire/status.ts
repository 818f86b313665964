/** Where the hub runs. */
export type Host = 'shared-worker' | 'leader-tab' | 'this-tab'

/** A rung of the ladder that failed, and why. */
export interface Step {
  readonly host: Host
  readonly reason: string
}

/** A stretch of time in which events may have been missed. It is answered by a resync. */
export interface Gap {
  /** Why events may have been missed. */
  readonly reason: string
  /** Data fetched before this moment may be out of date. Milliseconds since the Unix epoch. */
  readonly until: number
}

interface StatusFields {
  /** Where the hub runs; undefined while none has been found. */
  readonly host: Host | undefined
  /** This tab's role. Only a `leader-tab` host has roles. */
  readonly role: 'leader' | 'follower' | undefined
  /** The rungs that were tried before this host, and why each failed. Empty when the first one works. */
  readonly steps: readonly Step[]
  /** How many tabs share the socket, this one included; 0 while there is no hub. */
  readonly tabs: number
  /** When the state of this `name` began. Milliseconds since the Unix epoch. */
  readonly since: number
  /** The id of the hub's life; another one means another hub. */
  readonly epoch: string | undefined
  /** The last stretch in which events may have been missed. */
  readonly lastGap: Gap | undefined
}

/**
 * The state of a line's connection. Narrow it on `name`. The same object is kept until something changes, so it suits
 * `useSyncExternalStore`.
 *
 * - `idle`: nobody is signed in, or nothing is mounted: no socket is wanted.
 * - `connecting`: before the first connection. `reason` is the last failure's, if there was one.
 * - `connected`: events flow.
 * - `disconnected`: the socket was lost and is being reconnected.
 * - `unauthorized`: the server refused this identity's credentials more than once. The hub tries again when a tab becomes
 *   visible, when a tab attaches, or at `mount`.
 * - `signed-out`: `signOut()` was called in this tab or in another one of this identity.
 */
export type Status = StatusFields &
  (
    | { readonly name: 'idle' | 'connecting' | 'connected'; readonly reason?: string | undefined }
    | { readonly name: 'disconnected' | 'unauthorized' | 'signed-out'; readonly reason: string }
  )

export type StatusName = Status['name']

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
} as const satisfies Status
