import type { HubEnvironment } from '../platform/environment.js'
import { isMetadata, type Metadata, RESERVED } from '../wire/protocol.js'

/** The name of what the server says to the hub, not meant for tabs. */
export const CONTROL = RESERVED

/** Nothing that the server says is put off for longer than this (ms). */
const WIDEST = 600_000

export interface Words {
  /** Whether all that was missed has come; if not, it will not come. */
  replayed(all: boolean): void
  /** Where the server's log was when this connection was let in. */
  cursor(id: string | number): void
  /** Events may have been missed, on the server's side of the connection. */
  gap(): void
  /** This server process is about to end: the connection had better be to another one. */
  move(): void
  /** What has become of a topic. */
  topic(said: Metadata): void
}

/**
 * Hears the server's own words. What goes to very many browsers comes with a `spreadMs`, over which they act: each after
 * a random part of it.
 */
export function createServerMessages({ timers, random }: Pick<HubEnvironment, 'timers' | 'random'>, words: Words) {
  const due = new Map<keyof Words, () => void>()

  function put(word: 'gap' | 'move', spread: unknown): void {
    const within = typeof spread === 'number' && spread > 0 ? Math.min(spread, WIDEST) : 0
    const say = () => {
      due.get(word)?.()
      due.delete(word)
      words[word]()
    }
    if (within === 0) say()
    // What is still to come stands for what was said meanwhile.
    else if (!due.has(word)) due.set(word, timers.after(random() * within, say))
  }

  return {
    hear(raw: unknown): void {
      if (!isMetadata(raw)) return
      if ('topic' in raw) words.topic(raw)
      const { cursor } = raw
      if (typeof cursor === 'string' || typeof cursor === 'number') words.cursor(cursor)
      if (typeof raw['replayed'] === 'boolean') words.replayed(raw['replayed'])
      if (raw['gap'] === true) put('gap', raw['spreadMs'])
      if (raw['move'] === true) put('move', raw['spreadMs'])
    },
    /** A connection that came up is not the one that was to move. */
    moved(): void {
      due.get('move')?.()
      due.delete('move')
    },
    close(): void {
      for (const stop of due.values()) stop()
    },
  }
}
