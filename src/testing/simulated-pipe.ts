import type { Endpoint } from '../wire/endpoint.js'
import { type Carry, inMicrotask } from './simulated-locks.js'

interface End extends Endpoint {
  receive(data: unknown): void
  isOpen(): boolean
}

/**
 * A `MessageChannel` in memory: two ends that clone messages and deliver them in order. Each end's `Carry` takes a message
 * to it. A message to a closed end is silently dropped, and one to an end that nobody listens to yet waits there.
 */
export function createPipe(
  toFirst: Carry = inMicrotask,
  toSecond: Carry = inMicrotask,
): { readonly port1: PipeEnd; readonly port2: PipeEnd; reopen(): PipeEnd } {
  const port1: End = createEnd(() => second, toSecond)
  const port2: End = createEnd(() => port1, toFirst)
  let second = port2
  return {
    port1,
    port2,
    /** Gives the first end a new second end, which gets none of the former one's messages. */
    reopen() {
      second = createEnd(() => port1, toFirst)
      return second
    },
  }
}

export type PipeEnd = Endpoint & { isOpen(): boolean }

function createEnd(other: () => End, carry: Carry): End {
  const listeners = new Set<(event: MessageEvent) => void>()
  let open = true
  /** Until somebody listens. */
  let waiting: unknown[] | undefined = []
  function deliver(data: unknown): void {
    for (const listener of [...listeners]) listener({ data } as MessageEvent)
  }
  return {
    isOpen: () => open,
    postMessage(message) {
      // A port that is closed at one end delivers nothing at the other.
      if (!open || !other().isOpen()) return
      const data: unknown = structuredClone(message)
      carry(() => other().receive(data))
    },
    receive(data) {
      if (!open) return
      if (waiting) waiting.push(data)
      else deliver(data)
    },
    addEventListener(_type, listener) {
      listeners.add(listener)
      // Not before all listeners of this task are there.
      void Promise.resolve().then(() => {
        const due = waiting ?? []
        waiting = undefined
        if (open) for (const data of due) deliver(data)
      })
    },
    removeEventListener: (_type, listener) => void listeners.delete(listener),
    close() {
      open = false
    },
  }
}
