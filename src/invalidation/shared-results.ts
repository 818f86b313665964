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
}

function isSharedResult(data: unknown): data is SharedResult {
  if (typeof data !== 'object' || data === null) return false
  const { hash, epoch, seq, requestedAt, updatedAt } = data as Partial<Record<keyof SharedResult, unknown>>
  return typeof hash === 'string' && typeof epoch === 'string' && [seq, requestedAt, updatedAt].every(Number.isFinite)
}

/** How long a result is kept for tabs whose own flush or refetch comes later. */
const KEEP_RESULTS_MS = 3_000

interface SharedResultsOptions {
  readonly name: string
  readonly environment: Pick<TabEnvironment, 'locks' | 'openChannel'> & {
    readonly timers: Pick<TabEnvironment['timers'], 'after'>
    readonly page: Pick<TabEnvironment['page'], 'isVisible'>
  }
  readonly onResult: (hash: string) => void
}

/** The channel on which tabs post what they fetched, and the results that came over it lately. */
export function createSharedResults({ name, environment, onResult }: SharedResultsOptions) {
  const { timers, locks, openChannel, page } = environment
  const results = new Map<string, SharedResult>()
  let channel: ReturnType<NonNullable<typeof openChannel>> | undefined
  let stopKeeping: (() => void) | undefined

  function receive(data: unknown): void {
    if (!isSharedResult(data)) return
    results.set(data.hash, data)
    stopKeeping ??= timers.after(KEEP_RESULTS_MS, () => {
      stopKeeping = undefined
      results.clear()
    })
    onResult(data.hash)
  }

  return {
    get: (hash: string): SharedResult | undefined => results.get(hash),
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
