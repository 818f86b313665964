import type { Leadership } from '../src/election/elector.js'
import { createHeartbeatElector } from '../src/election/heartbeat-elector.js'
import { createVirtualTime } from '../src/testing/virtual-time.js'
import { type ChannelFaults, createHostileTabs, type HostileTab, seededRandom } from './hostile-tabs.js'

/** A tab that wants a hub: it campaigns, and again whenever it has lost the leadership. */
export interface Player {
  readonly tab: HostileTab
  alive: boolean
  holding: boolean
  elections: number
  /** A clean end. */
  close(): void
  crash(): void
  steal(): void
  freeze(ms: number): void
}

/** An election by heartbeats among hostile tabs. */
export function createHostileElection(seed: number, faults: ChannelFaults) {
  const random = seededRandom(seed)
  const time = createVirtualTime(1_000_000_000)
  const tabs = createHostileTabs(time, random, faults)
  const players: Player[] = []
  let most = 0

  const holders = () => players.filter(({ alive, holding }) => alive && holding)

  function join(): Player {
    const tab = tabs.tab()
    const elector = createHeartbeatElector(tab.environment, 'hub')
    let life = new AbortController()
    const player: Player = {
      tab,
      alive: true,
      holding: false,
      elections: 0,
      close() {
        player.alive = false
        life.abort()
      },
      crash() {
        player.alive = false
        tab.crash()
      },
      steal() {
        player.holding = false
        life.abort()
        life = new AbortController()
        follow(elector.steal(life.signal), life.signal)
      },
      freeze(ms) {
        tab.freeze()
        time.after(ms, tab.thaw)
      },
    }

    function follow(candidacy: Promise<Leadership>, signal: AbortSignal): void {
      const onLost = () => {
        player.holding = false
        follow(elector.campaign(signal), signal)
      }
      const onElected = ({ lost }: Leadership) => {
        if (signal.aborted) return
        if (lost.aborted) {
          onLost()
          return
        }
        player.holding = true
        player.elections++
        most = Math.max(most, holders().length)
        lost.addEventListener('abort', onLost)
      }
      candidacy.then(onElected, (thrown: unknown) => {
        if (!signal.aborted) throw thrown
      })
    }

    players.push(player)
    follow(elector.campaign(life.signal), life.signal)
    return player
  }

  return {
    players,
    join,
    tab: tabs.tab,
    holders,
    /** The largest number of holders at the same moment. */
    most: () => most,
    random,
    time,
    messages: tabs.messages,
    change: tabs.change,
  }
}
