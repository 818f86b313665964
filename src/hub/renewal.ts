import type { HubEnvironment } from '../platform/environment.js'
import { messageOf } from '../util/errors.js'
import type { Given } from './credentials.js'

/** Credentials are renewed this long (ms) before their end, or a tenth of their life before it if that is less. */
const AHEAD = 60_000
/** Never more often than this (ms), whatever the clocks say. */
const SOONEST = 10_000
/** No browser has longer timers (ms). */
const LONGEST = 2 ** 31 - 1

interface RenewalOptions {
  readonly environment: Pick<HubEnvironment, 'clock' | 'timers' | 'random'>
  readonly ask: () => Promise<Given>
  readonly onRenewed: (credentials: Readonly<Record<string, unknown>>) => void
  readonly onTrouble: (message: string) => void
}

/** Has credentials renewed before they end, at a moment of each browser's own. */
export function createRenewal({ environment, ask, onRenewed, onTrouble }: RenewalOptions) {
  const { clock, timers, random } = environment
  let stop: (() => void) | undefined
  let plans = 0
  /** Told of already; until the next success. */
  let troubled = false

  function wait(until: number): void {
    const left = until - clock.now()
    stop = timers.after(Math.min(Math.max(left, 0), LONGEST), () => {
      if (left > LONGEST) wait(until)
      else void renew()
    })
  }

  /** Without an end that is known of, there is nothing to plan. */
  function plan(expiresAt: number | undefined): void {
    cancel()
    if (expiresAt === undefined) return
    const now = clock.now()
    const ahead = Math.min(AHEAD, (expiresAt - now) / 10)
    wait(Math.max(now + SOONEST, expiresAt - ahead * (1 + random() / 2)))
  }

  function cancel(): void {
    plans++
    stop?.()
    stop = undefined
  }

  async function renew(): Promise<void> {
    const mine = plans
    try {
      const { auth, expiresAt } = await ask()
      // A connection attempt has asked meanwhile, or the hub has ended.
      if (plans !== mine) return
      troubled = false
      plan(expiresAt)
      onRenewed(auth ?? {})
    } catch (thrown) {
      if (plans !== mine) return
      if (!troubled) onTrouble(`the credentials could not be renewed: ${messageOf(thrown)}`)
      troubled = true
      plan(clock.now())
    }
  }

  return { plan, cancel }
}
