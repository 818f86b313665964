/** How the server speaks to its clients. */
export type Wire = 'socket.io' | 'websocket' | 'sse'

/** What is sent in a measurement: to one random user each time, or to everyone. */
export interface Burst {
  readonly to: 'user' | 'everyone'
  /** Events a second. */
  readonly rate: number
  readonly seconds: number
  readonly users: number
}

/** `drop`: every connection ends at once. `strain`: what the server has done since the last question. */
export type ToServer = 'memory' | 'drop' | 'strain' | Burst
export type FromServer =
  | { readonly kind: 'open'; readonly port: number }
  | { readonly kind: 'memory'; readonly rss: number; readonly heap: number; readonly sockets: number }
  /** `cpu`: of one core, 0 to 1. */
  | { readonly kind: 'sent'; readonly sent: number; readonly seconds: number; readonly cpu: number }
  | { readonly kind: 'dropped' }
  /** `cpuMs`: used by the process. `delayMs`: the longest that its event loop was late. */
  | { readonly kind: 'strain'; readonly cpuMs: number; readonly delayMs: number }

export type ToGenerator =
  | {
      readonly open: {
        readonly wire: Wire
        /** Of the processes of a cluster. One user after the other takes the next one. */
        readonly ports: readonly number[]
        readonly from: number
        readonly to: number
      }
    }
  /** From now on, a connection that ends comes back: at once, or with the pauses of Partyline's hub. */
  | { readonly comeBack: 'at once' | 'spread' }
  | 'forget'
  | 'report'
  | 'returns'
export type FromGenerator =
  | { readonly kind: 'opened'; readonly failed: number }
  | { readonly kind: 'done' }
  /** `late`: how many events took so long, by tenths of a millisecond. */
  | { readonly kind: 'report'; readonly received: number; readonly late: readonly (readonly [number, number])[] }
  /** Of each connection that came back: when (Unix ms), and how long its last attempt took. `attempts`: of all. */
  | {
      readonly kind: 'returns'
      readonly at: readonly number[]
      readonly tookMs: readonly number[]
      readonly attempts: number
    }

/** The same in every process of a machine (ms). */
export const now = (): number => performance.timeOrigin + performance.now()
