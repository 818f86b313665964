import type { HubEnvironment } from '../platform/environment.js'
import type { LinePowers } from '../platform/line-powers.js'
import type { Machine } from './machine.js'
import { orderedDelays, type Realm } from './realm.js'
import { type BrowserPowers, channelsOf, locksOf } from './refusing-powers.js'
import type { createSimulatedChannels } from './simulated-channels.js'
import type { SimulatedChunks } from './simulated-chunks.js'
import type { createSimulatedLocks } from './simulated-locks.js'
import type { SimulatedStorage } from './simulated-storage.js'

/** How long a message on a channel may take. */
const MAX_CHANNEL_DELAY_MS = 3
/** How long a lock request may take to the browser, and its answer back. */
const MAX_LOCK_DELAY_MS = 2
/** How long the browser takes to notice that a page or worker is gone, and to release its locks. */
const MIN_DEATH_NOTICE_MS = 14
const MAX_DEATH_NOTICE_MS = 36

/** What all pages and workers of one simulated browser share. */
export interface SharedParts {
  readonly machine: Machine
  readonly locks: ReturnType<typeof createSimulatedLocks>
  readonly channels: ReturnType<typeof createSimulatedChannels>
  /** Delivers a channel's message to a realm, by the realm's name. */
  readonly posts: Map<string, (deliver: () => void) => void>
  readonly storage: SimulatedStorage
  readonly chunks: SimulatedChunks
}

/** The environment that a page and a worker have in common, for one realm. `heldLocks` tells what it holds. */
export function createRealmEnvironment(shared: SharedParts, realm: Realm, has: BrowserPowers) {
  const { machine, locks, channels, posts } = shared
  const random = machine.createRandom()
  const toBrowser = orderedDelays(machine, random, MAX_LOCK_DELAY_MS)
  const fromBrowser = orderedDelays(machine, random, MAX_LOCK_DELAY_MS)
  const toChannel = orderedDelays(machine, random, MAX_CHANNEL_DELAY_MS)
  const held = locks.client(
    (run) => void machine.time.after(toBrowser(), run),
    (run) => realm.task(fromBrowser(), run),
  )
  const channel = channels.client(realm.name)
  posts.set(realm.name, (deliver) => realm.message(toChannel(), deliver))
  const beganAt = machine.monotonic()
  let ids = 0

  realm.onDeath(() => {
    posts.delete(realm.name)
    channel.crash()
    const noticeMs = MIN_DEATH_NOTICE_MS + random() * (MAX_DEATH_NOTICE_MS - MIN_DEATH_NOTICE_MS)
    machine.time.after(noticeMs, held.crash)
  })

  const environment: HubEnvironment & Pick<LinePowers, 'chunks'> = {
    clock: { now: machine.now, monotonic: () => machine.monotonic() - beganAt },
    timers: { after: realm.after },
    locks: locksOf(has, held.locks),
    openChannel: channelsOf(has, channel.openChannel),
    chunks: shared.chunks.client(realm),
    openWebSocket: () => {
      throw new Error('a simulated browser has a transport of its own')
    },
    fetch: () => Promise.reject(new Error('a simulated browser has a transport of its own')),
    random,
    id: () => `${Math.floor(random() * 1e9).toString(36)}-${realm.name}-${++ids}`,
  }
  return { environment, heldLocks: held.names }
}
