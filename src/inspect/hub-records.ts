import type { LinePowers } from '../platform/line-powers.js'
import type { HubInspection } from '../wire/hub-calls.js'
import type { SessionInside } from './context.js'
import type { LineRecord } from './inspection.js'
import { plainMessages } from './plain.js'

/** The hub is asked for its records so often while somebody listens. Milliseconds. */
const PULL_MS = 1_000

type HubLineRecord = Omit<Extract<LineRecord, { from: 'hub' }>, 'n'>

interface HubRecordsOptions {
  readonly powers: Pick<LinePowers, 'clock' | 'timers'>
  /** Undefined while no session is open. */
  readonly inside: () => SessionInside | undefined
  /** Whether somebody listens, and the tab is visible. */
  readonly isWanted: () => boolean
  readonly onRecord: (record: HubLineRecord) => void
}

/** Fetches a hub's records, each of them once: by the hub's epoch and their numbers. */
export function createHubRecords({ powers, inside, isWanted, onRecord }: HubRecordsOptions) {
  const { clock, timers } = powers
  let position = { epoch: '', n: 0 }
  /** Who inspects while a pull is under way gets its answer. */
  let pulling: Promise<HubInspection | undefined> | undefined
  /** What an identity's hub answers after its end is nobody's. */
  let life = 0
  let cancel: (() => void) | undefined

  function take(hub: HubInspection): void {
    if (hub.epoch !== position.epoch) position = { epoch: hub.epoch, n: 0 }
    const now = clock.now()
    for (const { n, ageMs, ...fields } of hub.records) {
      if (n <= position.n) continue
      position = { epoch: hub.epoch, n }
      onRecord({ ...plainMessages(fields), from: 'hub', at: now - ageMs })
    }
  }

  async function ask(session: SessionInside): Promise<HubInspection | undefined> {
    const { epoch } = position
    const asked = life
    const isOver = () => asked !== life || inside() !== session
    const hub = await session.link.inspect(position.n)
    if (!hub || isOver()) return undefined
    // Another hub: its numbers begin at 1.
    const whole = hub.epoch === epoch || position.n === 0 ? hub : await session.link.inspect(0)
    if (!whole || isOver()) return undefined
    take(whole)
    return whole
  }

  /** Undefined where there is no hub, or it does not answer. */
  function pull(): Promise<HubInspection | undefined> {
    const session = inside()
    if (!session) return Promise.resolve(undefined)
    if (pulling) return pulling
    const own = ask(session)
      .catch(() => undefined)
      .finally(() => {
        if (pulling === own) pulling = undefined
      })
    pulling = own
    return own
  }

  function run(): void {
    cancel = timers.after(PULL_MS, run)
    if (isWanted()) void pull()
  }

  return {
    pull,
    start(): void {
      if (!cancel) run()
    },
    stop(): void {
      cancel?.()
      cancel = undefined
    },
    forget(): void {
      life++
      pulling = undefined
      position = { epoch: '', n: 0 }
    },
  }
}
