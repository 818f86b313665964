import type { HubEnvironment } from '../platform/environment.js'
import { messageOf } from '../util/errors.js'
import type { TabCredentials } from './credentials.js'
import type { HubLog } from './log.js'

/** Credentials are renewed this long before their end, or a tenth of their life before it if that is less. */
const RENEW_AHEAD_MS = 60_000
/** A renewal is never sooner than this, whatever the clocks say. */
const MIN_RENEWAL_DELAY_MS = 10_000
/** No browser has longer timers. */
const MAX_TIMER_MS = 2 ** 31 - 1

export interface RenewalOptions {
  readonly environment: Pick<HubEnvironment, 'clock' | 'timers' | 'random'>
  readonly log: HubLog
  readonly ask: () => Promise<TabCredentials>
  readonly onRenewed: (credentials: Readonly<Record<string, unknown>>) => void
  readonly onTrouble: (message: string) => void
}

type RenewalState =
  | { readonly name: 'idle' }
  /** By the monotonic clock. */
  | { readonly name: 'planned'; readonly dueAt: number; cancel(): void }
  /** Tabs are being asked. */
  | { readonly name: 'asking' }

/** Has credentials renewed before they end, at a random moment of each browser. */
export function createRenewal({ environment, log, ask, onRenewed, onTrouble }: RenewalOptions) {
  const { clock, timers, random } = environment
  let state: RenewalState = { name: 'idle' }
  /** A failure was reported since the last success. */
  let isReported = false

  function enter(next: RenewalState): void {
    if (state.name === 'planned') state.cancel()
    state = next
  }

  function waitUntil(dueAt: number): void {
    const left = dueAt - clock.monotonic()
    const cancel = timers.after(Math.min(Math.max(left, 0), MAX_TIMER_MS), () => {
      if (left > MAX_TIMER_MS) waitUntil(dueAt)
      else void renew()
    })
    enter({ name: 'planned', dueAt, cancel })
  }

  /** Without a known end, there is nothing to plan. */
  function plan(expiresAt: number | undefined): void {
    cancel()
    if (expiresAt === undefined) return
    // From here on the wall clock may be set back and forth.
    const lifeMs = expiresAt - clock.now()
    const aheadMs = Math.min(RENEW_AHEAD_MS, lifeMs / 10)
    const inMs = Math.max(MIN_RENEWAL_DELAY_MS, lifeMs - aheadMs * (1 + random() / 2))
    log.add('credentials', 'planned', { inMs })
    waitUntil(clock.monotonic() + inMs)
  }

  function cancel(): void {
    enter({ name: 'idle' })
  }

  async function renew(): Promise<void> {
    const asking: RenewalState = { name: 'asking' }
    enter(asking)
    try {
      const { auth, expiresAt } = await ask()
      // A connection attempt has asked meanwhile, or the hub has ended.
      if (state !== asking) return
      isReported = false
      plan(expiresAt)
      onRenewed(auth ?? {})
    } catch (thrown) {
      if (state !== asking) return
      if (!isReported) onTrouble(`the credentials could not be renewed: ${messageOf(thrown)}`)
      isReported = true
      plan(clock.now())
    }
  }

  return {
    plan,
    cancel,
    /** How long until the next one. Milliseconds. */
    inMs: () => (state.name === 'planned' ? state.dueAt - clock.monotonic() : undefined),
  }
}
