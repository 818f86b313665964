import type { HubEnvironment } from '../platform/environment.js'
import { withTimeout } from '../platform/timeouts.js'
import { messageOf } from '../util/errors.js'
import type { CredentialsAnswer } from '../wire/protocol.js'
import type { HubLog } from './log.js'
import type { AttachedTab, TabRegistry } from './tab-registry.js'

export type TabCredentials = Extract<CredentialsAnswer, { ok: true }>

/** How many tabs are asked in one attempt. */
const MAX_ASKED_TABS = 3

export interface CredentialsSourceOptions {
  readonly tabs: TabRegistry
  readonly log: HubLog
  readonly timers: HubEnvironment['timers']
  /** How long one tab may take. Milliseconds. */
  readonly timeoutMs: number
  /**
   * No tab at a port gives credentials that do. Credentials never pass over a BroadcastChannel, so another hub should own the
   * connection for the tabs there.
   */
  readonly onNoTrustedTab: () => void
}

/**
 * Gets credentials from a live tab. The tab that attached or became visible last is asked first. One that fails is asked again
 * only when all others have been asked. Credentials pass through and are not kept.
 */
export function createCredentialsSource({ tabs, log, timers, timeoutMs, onNoTrustedTab }: CredentialsSourceOptions) {
  let lastRequest = 0
  /** Undefined when it may have other credentials by now. */
  let lastResponder: AttachedTab | undefined
  const pending = new Map<number, (answer: CredentialsAnswer) => void>()
  const queue = createTabQueue(() => tabs.all().filter((tab) => tab.isTrusted))

  /** Rejects when the tab goes away or does not answer in time. */
  async function ask(tab: AttachedTab): Promise<CredentialsAnswer> {
    const request = ++lastRequest
    const { signal } = tab.gone
    let onGone = (): void => undefined
    const answer = new Promise<CredentialsAnswer>((resolve, reject) => {
      onGone = () => reject(new Error('the tab went away while it was asked for credentials'))
      signal.addEventListener('abort', onGone)
      pending.set(request, resolve)
    })
    tab.endpoint.postMessage({ kind: 'credentials-request', request })
    try {
      return await withTimeout(timers.after, timeoutMs, answer, `auth gave no answer within ${timeoutMs} ms`)
    } finally {
      pending.delete(request)
      signal.removeEventListener('abort', onGone)
    }
  }

  function giveUp(): void {
    if (queue.size === 0 || (queue.isRoundOver() && queue.size < tabs.size)) onNoTrustedTab()
  }

  return {
    /** Rejects when none of the tabs gives any. */
    async get(): Promise<TabCredentials> {
      let trouble = 'no tab is left to ask for credentials'
      for (const tab of queue.next(MAX_ASKED_TABS)) {
        if (tab.gone.signal.aborted) continue
        // Before the answer: an attempt may be ended while a tab is asked, and the next one begins with another tab.
        const rank = queue.failed(tab)
        log.add('credentials', 'asked', { tab: tab.id })
        try {
          const answer = await ask(tab)
          if (answer.ok) {
            lastResponder = queue.restore(tab, rank) ? undefined : tab
            log.add('credentials', 'given', { tab: tab.id })
            return answer
          }
          trouble = answer.message
        } catch (thrown) {
          trouble = messageOf(thrown)
        }
        log.add('credentials', 'failed', { tab: tab.id, reason: trouble })
      }
      giveUp()
      throw new Error(trouble)
    },
    /** The tab has attached, or may have other credentials than before. */
    prefer(tab: AttachedTab): void {
      if (tab === lastResponder) lastResponder = undefined
      queue.prefer(tab)
    },
    /** It became visible: it is asked first, but not before those that have yet to be asked. */
    seen: (tab: AttachedTab): void => queue.seen(tab),
    /** The server refused the last responder's credentials. Gives whether another tab is yet to be asked. */
    refused(): boolean {
      if (lastResponder) queue.failed(lastResponder)
      return !queue.isRoundOver()
    },
    /** The server has let this browser in for long enough: all tabs may be asked again. */
    accepted: (): void => queue.startRound(),
    giveUp,
    answer: (request: number, answer: CredentialsAnswer): void => pending.get(request)?.(answer),
  }
}

/** In which order tabs are asked: by recency, and in rounds, so that in the end each has been asked. */
function createTabQueue(trusted: () => AttachedTab[]) {
  /** Those with a higher rank are asked first; those that failed rank behind all others. */
  const ranks = new WeakMap<AttachedTab, number>()
  let failed = new WeakSet<AttachedTab>()
  let top = 0
  let bottom = 0
  const rankOf = (tab: AttachedTab) => ranks.get(tab) ?? 0
  const isRoundOver = () => trusted().every((tab) => failed.has(tab))

  return {
    get size() {
      return trusted().length
    },
    isRoundOver,
    startRound(): void {
      failed = new WeakSet()
    },
    /** The next tabs of this round, or of a new one when all have failed. */
    next(max: number): AttachedTab[] {
      if (isRoundOver()) failed = new WeakSet()
      return trusted()
        .filter((tab) => !failed.has(tab))
        .sort((one, other) => rankOf(other) - rankOf(one))
        .slice(0, max)
    },
    /** Gives its former rank. */
    failed(tab: AttachedTab): number {
      const rank = rankOf(tab)
      failed.add(tab)
      ranks.set(tab, --bottom)
      return rank
    },
    /** Gives whether it was preferred since it was asked. */
    restore(tab: AttachedTab, rank: number): boolean {
      const wasPreferred = !failed.delete(tab)
      // It may have become visible meanwhile.
      ranks.set(tab, Math.max(rank, rankOf(tab)))
      return wasPreferred
    },
    prefer(tab: AttachedTab): void {
      failed.delete(tab)
      ranks.set(tab, ++top)
    },
    seen(tab: AttachedTab): void {
      ranks.set(tab, ++top)
    },
  }
}
