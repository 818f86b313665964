/** What the load script has measured: bench/load.json. */
import type { Idle, Return, Step } from './bed.js'

export interface About {
  readonly machine: string
  readonly loadBefore: number
}

export interface WireResult extends About {
  readonly kind: 'wire'
  readonly emptyRssMb: number
  readonly idle: readonly Idle[]
  readonly steps: readonly Step[]
}
export interface ClusterResult extends About {
  readonly kind: 'cluster'
  readonly processes: number
  readonly steps: readonly Step[]
}
export interface ReturnResult extends About {
  readonly kind: 'return'
  readonly returns: readonly Return[]
}
export interface LoadResults {
  readonly 'socket.io'?: WireResult
  readonly websocket?: WireResult
  readonly sse?: WireResult
  readonly cluster?: ClusterResult
  readonly return?: ReturnResult
}
