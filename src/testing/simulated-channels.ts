import type { Channel } from '../platform/environment.js'

/**
 * Carries one message to one receiver by calling `deliver`: later (a delay; unequal delays reorder), more than once
 * (a duplicate), or never (a loss).
 */
export type Route = (deliver: () => void, passage: Passage) => void

export interface Passage {
  readonly channel: string
  readonly from: string
  readonly to: string
  readonly message: unknown
}

/** More messages than this mean that something answers itself for ever: a failure is better than a test that hangs. */
const MAX_MESSAGES = 100_000

const deliverInMicrotask: Route = (deliver) => queueMicrotask(deliver)

/**
 * BroadcastChannels in memory. A message reaches every other open channel of its name, also one of the same tab, as a clone
 * and asynchronously. It never reaches the channel that sent it.
 */
export function createSimulatedChannels(route: Route = deliverInMicrotask) {
  const open = new Map<string, Set<Receiver>>()
  let carried = 0

  return {
    /** The name of each open channel. */
    names: () => [...open].flatMap(([name, receivers]) => Array.from(receivers, () => name)),
    /** How many messages were carried so far. */
    carried: () => carried,
    /** A foreign script of the origin posts to all channels of a name. */
    inject(name: string, message: unknown): void {
      for (const peer of [...(open.get(name) ?? [])])
        route(() => peer.receive(message), { channel: name, from: 'foreign', to: peer.owner, message })
    },
    /** The name and the owner of each. */
    owners: () => [...open].flatMap(([name, receivers]) => Array.from(receivers, ({ owner }) => ({ name, owner }))),
    /** The channels of one page or worker. */
    client(owner: string) {
      const own = new Set<Receiver>()
      let crashed = false

      function openChannel(name: string): Channel {
        const peers = open.get(name) ?? new Set()
        open.set(name, peers)
        const listeners = new Set<(event: MessageEvent) => void>()
        const receiver: Receiver = {
          owner,
          receive(message) {
            if (!peers.has(receiver)) return
            for (const listener of [...listeners]) listener({ data: structuredClone(message) } as MessageEvent)
          },
          close: () => void peers.delete(receiver),
        }
        if (!crashed) {
          peers.add(receiver)
          own.add(receiver)
        }
        return {
          postMessage(value) {
            if (crashed) return
            if (!peers.has(receiver)) throw new DOMException('The channel is closed.', 'InvalidStateError')
            const message: unknown = structuredClone(value)
            for (const peer of [...peers]) {
              if (peer === receiver) continue
              if (++carried > MAX_MESSAGES)
                throw new Error('too many messages on the channels: something answers itself for ever')
              route(() => peer.receive(message), { channel: name, from: owner, to: peer.owner, message })
            }
          },
          addEventListener: (_type, listener) => void listeners.add(listener),
          removeEventListener: (_type, listener) => void listeners.delete(listener),
          close() {
            receiver.close()
            own.delete(receiver)
          },
        }
      }

      return {
        openChannel,
        /** The page is gone: it sends and receives nothing any more. */
        crash(): void {
          crashed = true
          for (const receiver of own) receiver.close()
          own.clear()
        },
      }
    },
  }
}

interface Receiver {
  readonly owner: string
  receive(message: unknown): void
  close(): void
}
