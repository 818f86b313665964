import type { Endpoint } from '../wire/endpoint.js'
import type { Carry } from './simulated-locks.js'

interface End extends Endpoint {
  receive(data: unknown): void
  isOpen(): boolean
}

const inMicrotask: Carry = (run) => void Promise.resolve().then(run)

/**
 * Two ends of a pipe that clone what passes and deliver it in order, as a `MessageChannel` does; each end's `Carry` takes
 * a message to it. What is posted to an end that is closed or gone is silently dropped.
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
    /** The first end gets another one to talk to, which knows nothing of what the former one was told. */
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
  return {
    isOpen: () => open,
    postMessage(message) {
      // A port that was closed at one end delivers nothing at the other any more.
      if (!open || !other().isOpen()) return
      const data: unknown = structuredClone(message)
      carry(() => other().receive(data))
    },
    receive(data) {
      if (!open) return
      for (const listener of [...listeners]) listener({ data } as MessageEvent)
    },
    addEventListener: (_type, listener) => void listeners.add(listener),
    removeEventListener: (_type, listener) => void listeners.delete(listener),
    close() {
      open = false
    },
  }
}
