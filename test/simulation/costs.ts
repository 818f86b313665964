import type { World } from '../../src/testing/world.js'
import type { Violate } from './app.js'
import { IDENTITIES, PATHS } from './backend.js'
import type { BrowserTabs } from './browser-tabs.js'
import type { Command, Setting } from './command.js'
import { abilitiesOf } from './invariants.js'

const MINUTE_MS = 60_000
/** What a history may cost before anything happens in it. */
const BASE = { handshakes: 20, fetches: 60, messages: 500 }
/** Connection attempts and handshakes for each command, and for each minute in which a user has tabs but no socket. */
const HANDSHAKES = { command: 2, outageMinute: 12 }
/** Fetches that each tab and query may make: for each event that a write sends, and for each reconnection. */
const MAX_QUERIES = 4
/** Messages on channels: for each command and tab, and for each second. */
const MESSAGES = { command: 15, second: 2 }

const COSTS = ['handshakes', 'attempts', 'fetches', 'messages'] as const

export interface Costs {
  readonly handshakes: number
  readonly attempts: number
  readonly fetches: number
  readonly messages: number
}

/** How much a history may cost, by what happens in it. Generous, but finite. */
export function createCosts(world: World, tabs: BrowserTabs, setting: Setting) {
  let commands = 0
  let writes = 0
  let mostTabs = 0
  let opened = 0
  let outageMs = 0
  let pollMs = 0
  let checkedAt = world.machine.monotonic()
  let storms = 0

  const spent = (): Costs => ({
    handshakes: world.server.handshakes(),
    attempts: world.network.counts.attempts,
    fetches: tabs.fetches(),
    messages: world.channels.carried(),
  })

  function allowed(): Costs {
    const lifetimes = setting.tokenLifeMs > 0 ? world.machine.monotonic() / setting.tokenLifeMs : 0
    const isAlone = setting.host === 'this-tab' || !abilitiesOf(setting).channel
    const handshakes =
      BASE.handshakes +
      (isAlone ? mostTabs : 2) * (HANDSHAKES.command * commands + 4 * lifetimes) +
      HANDSHAKES.outageMinute * (outageMs / MINUTE_MS)
    const reconnections = Math.min(world.server.handshakes(), handshakes)
    const polls = setting.polling ? pollMs / 5_000 : 0
    const perQuery = 4 + 2 * writes + reconnections + commands + polls
    const seconds = world.machine.monotonic() / 1_000
    const perTab = MESSAGES.command * (commands + opened) + MESSAGES.second * seconds + 4 * writes
    return {
      handshakes,
      attempts: 2 * handshakes + storms / 1_000,
      fetches: BASE.fetches + mostTabs * MAX_QUERIES * perQuery,
      messages: BASE.messages + (mostTabs + 1) * perTab,
    }
  }

  return {
    command(command: Command): void {
      // An outage, a nap and their like are several steps each.
      commands += 'ms' in command && command.do !== 'pass' ? 4 : 1
      if (command.do === 'burst') writes += command.count
      if (command.do === 'online-storm') storms += command.count * command.gap
      if (command.do === 'open') opened++
      writes += 'rows' in command ? 2 * command.rows.length : 'writes' in command ? command.writes : 1
    },
    /** At any moment. */
    observe(): void {
      const now = world.machine.monotonic()
      const passedMs = now - checkedAt
      checkedAt = now
      mostTabs = Math.max(mostTabs, tabs.all().length)
      const sockets = world.server.sockets()
      for (const who of IDENTITIES)
        for (const path of PATHS) {
          const wanting = tabs.all().filter(({ app }) => app.identity === who && app.kind.path === path)
          const names = new Set(wanting.map(({ app }) => app.kind.name)).size
          const hubs = setting.host === 'this-tab' ? wanting.length : names
          // One tab or app may be let in while another one is refused.
          const missing = hubs - sockets.filter((one) => one.identity === who && one.path === path).length
          if (missing <= 0) continue
          outageMs += passedMs * missing
          pollMs += passedMs
        }
    },
    /** What was spent, as a share of what is allowed. */
    shares(): Costs {
      const may = allowed()
      const did = spent()
      const share = (what: keyof Costs) => did[what] / may[what]
      return {
        handshakes: share('handshakes'),
        attempts: share('attempts'),
        fetches: share('fetches'),
        messages: share('messages'),
      }
    },
    check(violate: Violate): void {
      const may = allowed()
      const did = spent()
      for (const what of COSTS)
        if (did[what] > may[what]) violate('costs', `${did[what]} ${what}, and ${Math.floor(may[what])} are allowed`)
    },
  }
}
