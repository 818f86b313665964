/** What is sent in a measurement: to one random user each time, or to everyone. */
export interface Burst {
  readonly to: 'user' | 'everyone'
  /** Events a second. */
  readonly rate: number
  readonly seconds: number
  readonly users: number
}

export type ToServer = 'memory' | Burst
export type FromServer =
  | { readonly kind: 'open'; readonly port: number }
  | { readonly kind: 'memory'; readonly rss: number; readonly heap: number; readonly sockets: number }
  /** `cpu`: of one core, 0 to 1. */
  | { readonly kind: 'sent'; readonly sent: number; readonly seconds: number; readonly cpu: number }

export type ToGenerator =
  | { readonly open: { readonly port: number; readonly from: number; readonly to: number } }
  | 'forget'
  | 'report'
export type FromGenerator =
  | { readonly kind: 'opened'; readonly failed: number }
  | { readonly kind: 'forgotten' }
  /** `late`: how many events took so long, by tenths of a millisecond. */
  | { readonly kind: 'report'; readonly received: number; readonly late: readonly (readonly [number, number])[] }

/** The same in every process of a machine (ms). */
export const now = (): number => performance.timeOrigin + performance.now()
