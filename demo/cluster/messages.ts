import type { RelayState } from '../../examples/outbox/relay.js'

/** From the parent to a process. */
export type ToProcess = 'count' | { readonly drain: { readonly spreadMs: number } }

/** What a process counts of itself. */
export interface Count {
  readonly openSockets: number
  readonly connections: number
  readonly refused: number
  readonly requests: number
}

/** From a process to its parent. */
export type FromProcess =
  | { readonly kind: 'open' }
  | { readonly kind: 'relay'; readonly state: RelayState }
  | {
      readonly kind: 'socket'
      readonly open: boolean
      readonly session: string
      readonly userId: string
      readonly recovered: boolean
      readonly at: number
    }
  | ({ readonly kind: 'count' } & Count)
  | {
      readonly kind: 'drained'
      /** Milliseconds since the Unix epoch. */
      readonly began: number
      readonly ended: number
      /** The sockets that had to move. */
      readonly had: number
      readonly left: number
      readonly refused: number
    }

export interface ProcessOptions {
  readonly port: number
  readonly databaseUrl: string
  readonly redisUrl: string
}
