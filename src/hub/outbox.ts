import type { HubEnvironment } from '../platform/environment.js'
import { type Endpoint, overChannel } from '../wire/endpoint.js'
import { writeEvents } from '../wire/messages.js'
import type { EventPair, HubMessage } from '../wire/protocol.js'
import { isForTab, type TabRegistry, wants } from './tab-registry.js'

/** Milliseconds between the batches of a burst. */
export const BATCH_INTERVAL_MS = 20

/** Runs something once after about so many milliseconds; returns the way to cancel it. */
export type BatchTimer = (ms: number, run: () => void) => () => void

export interface OutboxOptions {
  readonly tabs: TabRegistry
  readonly environment: Pick<HubEnvironment, 'clock' | 'openChannel'>
  readonly batchTimer: BatchTimer
  /** The number of the last event that was added. */
  readonly seq: () => number
  readonly multicastName: string
  /** So many events were posted, which take so many characters together. */
  readonly onPosted: (count: number, characters: number) => void
}

/**
 * Turns events into batches. The first event after a pause goes out at once. A burst goes as one message per tab and
 * batch, with only the events of that tab's subscriptions. What all tabs on the multicast subscribe to is posted to
 * them once.
 */
export function createOutbox({ tabs, environment, batchTimer, seq, multicastName, onPosted }: OutboxOptions) {
  const { clock } = environment
  const multicast = createMulticast(environment, multicastName)
  let waiting: EventPair[] = []
  let cancelPost: (() => void) | undefined
  let postedAt = Number.NEGATIVE_INFINITY

  function post(): void {
    cancelPost?.()
    cancelPost = undefined
    if (waiting.length === 0) return
    postedAt = clock.monotonic()
    const events = waiting
    waiting = []
    const names = [...new Set(events.map(([name]) => name))]
    const all = writeEvents(events)
    onPosted(events.length, all.length)
    const listeners = tabs.all().filter((tab) => tab.isOnMulticast)
    const isAddressed = events.some(([, , envelope]) => envelope?.tab !== undefined)
    const isForAll =
      !isAddressed && listeners.length > 1 && listeners.every((tab) => names.every((name) => wants(tab, name)))
    if (isForAll) multicast.post({ kind: 'events', seq: seq(), events: all })
    for (const tab of tabs.all()) {
      if (isForAll && tab.isOnMulticast) continue
      const wanted = names.filter((name) => wants(tab, name))
      if (wanted.length === 0) continue
      const isAll = wanted.length === names.length && !isAddressed
      const own = isAll ? events : events.filter((pair) => isForTab(tab, pair))
      if (own.length === 0) continue
      const text = isAll ? all : writeEvents(own)
      tab.endpoint.postMessage({ kind: 'events', seq: seq(), events: text })
    }
  }

  return {
    /** The name of the channel for all; undefined where there are no channels. */
    multicastName: multicast.name,
    add(pair: EventPair): void {
      waiting.push(pair)
      const restMs = postedAt + BATCH_INTERVAL_MS - clock.monotonic()
      // A late timer, of a leader that was hidden a moment ago, is not waited for.
      if (restMs > 0) cancelPost ??= batchTimer(restMs, post)
      else post()
    },
    /** Posts what waits now: before a tab joins, and before anything that must come after these events. */
    post,
    close(): void {
      cancelPost?.()
      multicast.close()
    },
  }
}

/**
 * One channel for all tabs that have no port to this hub: the leader posts an event once, where a channel for each tab is a
 * message for each tab. For events alone. What a page posts, on whatever channels, another page receives in the order of
 * posting: all of it is of one task source (https://html.spec.whatwg.org/#dom-broadcastchannel-postmessage).
 */
function createMulticast({ openChannel }: Pick<HubEnvironment, 'openChannel'>, name: string) {
  let channel: Endpoint | undefined
  return {
    name: openChannel && name,
    post(message: HubMessage): void {
      if (openChannel) channel ??= overChannel(openChannel(name))
      channel?.postMessage(message)
    },
    close: () => channel?.close(),
  }
}
