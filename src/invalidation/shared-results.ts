import type { TabEnvironment } from '../platform/page.js'

/** How far a tab has received a hub's events. All tabs of a hub count alike. */
export interface ReceivedVersion {
  readonly epoch: string
  readonly seq: number
}

/** Belongs to no hub, so no result fits it. */
export const NO_VERSION: ReceivedVersion = { epoch: '', seq: 0 }

/** Data that one tab fetched for all. */
export interface SharedResult extends ReceivedVersion {
  readonly hash: string
  readonly data: unknown
  /** When its fetch started, and when it ended. Milliseconds since the Unix epoch, by the one clock of all tabs. */
  readonly requestedAt: number
  readonly updatedAt: number
  /** How long before this was posted its fetch started, by the sender's monotonic clock: the wall clock may have been set. */
  readonly ageMs: number
}

/** A result, and when its fetch started by this tab's monotonic clock, at the latest. Milliseconds. */
export interface ReceivedResult extends Omit<SharedResult, 'requestedAt'> {
  readonly requestedAt: number
}

/** The clocks may be read at either end of a millisecond. */
const CLOCK_STEP_MS = 1

function isSharedResult(data: unknown): data is SharedResult {
  if (typeof data !== 'object' || data === null) return false
  const { hash, epoch, seq, requestedAt, updatedAt, ageMs } = data as Partial<Record<keyof SharedResult, unknown>>
  return (
    typeof hash === 'string' && typeof epoch === 'string' && [seq, requestedAt, updatedAt, ageMs].every(Number.isFinite)
  )
}

/** How long a result is kept for tabs whose own flush or refetch comes later. */
const KEEP_RESULTS_MS = 3_000

interface SharedResultsOptions {
  readonly name: string
  readonly environment: Pick<TabEnvironment, 'locks' | 'openChannel'> & {
    readonly clock: Pick<TabEnvironment['clock'], 'now' | 'monotonic'>
    readonly timers: Pick<TabEnvironment['timers'], 'after'>
    readonly page: Pick<TabEnvironment['page'], 'isVisible'>
  }
  readonly onResult: (hash: string) => void
}

/** The channel on which tabs post what they fetched, and the results that came over it lately. */
export function createSharedResults({ name, environment, onResult }: SharedResultsOptions) {
  const { clock, timers, locks, openChannel, page } = environment
  const results = new Map<string, ReceivedResult>()
  let channel: ReturnType<NonNullable<typeof openChannel>> | undefined
  let stopKeeping: (() => void) | undefined

  function receive(data: unknown): void {
    if (!isSharedResult(data)) return
    // The post may have waited for this tab, which only the wall clock tells. That may have been set, which only the age tells.
    const ageMs = Math.max(data.ageMs, clock.now() - data.requestedAt) + CLOCK_STEP_MS
    results.set(data.hash, { ...data, requestedAt: clock.monotonic() - ageMs })
    stopKeeping ??= timers.after(KEEP_RESULTS_MS, () => {
      stopKeeping = undefined
      results.clear()
    })
    onResult(data.hash)
  }

  return {
    get: (hash: string): ReceivedResult | undefined => results.get(hash),
    drop: (hash: string): boolean => results.delete(hash),
    isOpen: (): boolean => channel !== undefined,
    /** Throws for data that can't be cloned. */
    post: (result: SharedResult): void => channel?.postMessage(result),
    open(): void {
      if (channel || !openChannel || !locks) return
      channel = openChannel(name)
      // A hidden tab fetches when it becomes visible. Data is deserialized only when somebody reads `event.data`.
      channel.addEventListener('message', (event) => {
        if (page.isVisible()) receive(event.data)
      })
    },
    close(): void {
      channel?.close()
      channel = undefined
      stopKeeping?.()
      stopKeeping = undefined
      results.clear()
    },
  }
}
