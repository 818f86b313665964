import type { Machine } from './machine.js'

/** All sockets of an identity, or all that have joined a topic. */
export interface Audience {
  readonly identity?: string
  /** Undefined: whatever path a socket has. */
  readonly path?: string | undefined
  readonly topic?: string
}

/** What a client receives. */
interface Listening {
  readonly identity: string
  readonly path: string
  readonly topics: readonly string[]
}

export const isFor = ({ identity, topic, path }: Audience, client: Listening): boolean =>
  (path === undefined || path === client.path) &&
  (topic === undefined ? client.identity === identity : client.topics.includes(topic))

/**
 * What a client is told of how long it and its topics were quiet. `silent`: nothing, as by a server without that word.
 */
export type QuietOption = 'known' | 'unknown' | 'silent'

/** Knows when something was sent last, and to whom. */
export function createSimulatedQuiet({ time }: Machine, option: QuietOption = 'unknown') {
  /** By its audience. */
  const last = new Map<string, { readonly at: number; readonly to: Audience }>()
  let floor = time.now()

  return {
    /** Undefined: to everybody. */
    sent(to?: Audience): void {
      if (!to) floor = time.now()
      else last.set(JSON.stringify([to.identity, to.topic, to.path]), { at: time.now(), to })
    },
    /** Another process, which does not know what the former one has sent. */
    restarted(): void {
      last.clear()
      floor = time.now()
    },
    /** What a client is told of the events that are for it. */
    word(isForIt: (to: Audience) => boolean, recovered: boolean): { readonly quietForMs: number } | undefined {
      if (option === 'silent') return undefined
      if (option === 'unknown' || recovered) return { quietForMs: 0 }
      const moments = [...last.values()].filter(({ to }) => isForIt(to)).map(({ at }) => at)
      return { quietForMs: Math.floor(time.now() - Math.max(floor, ...moments)) }
    },
  }
}
