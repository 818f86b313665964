import type { HubEnvironment } from '../platform/environment.js'
import type { Machine } from './machine.js'
import { inOrder, type Realm } from './realm.js'
import type { createSimulatedChannels } from './simulated-channels.js'
import type { createSimulatedLocks } from './simulated-locks.js'

/** How long (ms) a message between pages and workers may take, and a word to or from the browser. */
const POST = 3
const WORD = 2
/** How long (ms) the browser takes to see that a page or worker is gone, and to pass its locks on. */
const NOTICE = { least: 14, spread: 22 }

export interface Shared {
  readonly machine: Machine
  readonly locks: ReturnType<typeof createSimulatedLocks>
  readonly channels: ReturnType<typeof createSimulatedChannels>
  /** Ways to each realm's channels, by the realm's name. */
  readonly posts: Map<string, (deliver: () => void) => void>
}

/** The powers that a page and a worker have alike, over one realm; with what it holds, to be counted. */
export function createPowers(
  shared: Shared,
  realm: Realm,
  has: { readonly webLocks: boolean; readonly channel: boolean },
) {
  const { machine, locks, channels, posts } = shared
  const chance = machine.chance()
  const toBrowser = inOrder(machine, chance, WORD)
  const fromBrowser = inOrder(machine, chance, WORD)
  const toChannel = inOrder(machine, chance, POST)
  const held = locks.client(
    (run) => void machine.time.after(toBrowser(), run),
    (run) => realm.task(fromBrowser(), run),
  )
  const channel = channels.client(realm.name)
  posts.set(realm.name, (deliver) => realm.message(toChannel(), deliver))
  let ids = 0

  realm.onDeath(() => {
    posts.delete(realm.name)
    channel.crash()
    machine.time.after(NOTICE.least + chance() * NOTICE.spread, held.crash)
  })

  const environment: HubEnvironment = {
    clock: { now: machine.now },
    timers: { after: realm.after },
    locks: has.webLocks ? held.locks : undefined,
    openChannel: has.channel ? channel.openChannel : undefined,
    openWebSocket: () => {
      throw new Error('a simulated browser brings a transport of its own')
    },
    random: chance,
    id: () => `${Math.floor(chance() * 1e9).toString(36)}-${realm.name}-${++ids}`,
  }
  return { environment, heldLocks: held.names }
}
