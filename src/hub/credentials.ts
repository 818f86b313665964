import type { HubEnvironment } from '../platform/environment.js'
import { withTimeout } from '../platform/timeouts.js'
import { messageOf } from '../util/errors.js'
import type { CredentialsAnswer } from '../wire/protocol.js'
import type { AttachedTab, TabRegistry } from './tab-registry.js'

export type TabCredentials = Extract<CredentialsAnswer, { ok: true }>

/** How many tabs are asked in one attempt. */
const MAX_ASKED_TABS = 3

export interface CredentialsSourceOptions {
  readonly tabs: TabRegistry
  readonly timers: HubEnvironment['timers']
  /** How long one tab may take. Milliseconds. */
  readonly timeoutMs: number
  /** No tab at a port is left, or none of them is awake: another hub should own the socket. */
  readonly onNoTrustedTab: () => void
}

/**
 * Gets credentials from a live tab. The last responder is asked first; a tab that fails, dies or stays silent is followed by
 * another. Credentials pass through and are not kept.
 */
export function createCredentialsSource({ tabs, timers, timeoutMs, onNoTrustedTab }: CredentialsSourceOptions) {
  let lastRequest = 0
  let lastResponder: string | undefined
  const pending = new Map<number, (answer: CredentialsAnswer) => void>()
  const trusted = () => tabs.all().filter((tab) => tab.isTrusted)

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

  return {
    /** Rejects when none of the tabs gives any. */
    async get(): Promise<TabCredentials> {
      let trouble = 'no tab is left to ask for credentials'
      let hasAnswered = false
      const known = trusted()
      const first = known.findIndex((tab) => tab.id === lastResponder)
      const inTurn = first > 0 ? [...known.slice(first), ...known.slice(0, first)] : known
      for (const tab of inTurn.slice(0, MAX_ASKED_TABS)) {
        try {
          const answer = await ask(tab)
          if (answer.ok) {
            lastResponder = tab.id
            return answer
          }
          trouble = answer.message
          hasAnswered = true
        } catch (thrown) {
          trouble = messageOf(thrown)
        }
      }
      // Credentials never pass over a BroadcastChannel, so another hub has to own the socket for the remaining tabs.
      if (!hasAnswered && (trusted().length === 0 || trusted().length < tabs.size)) onNoTrustedTab()
      throw new Error(trouble)
    },
    /** The server refused the last responder's credentials: the next attempt asks another tab first. */
    rotate(): void {
      const known = trusted()
      const index = known.findIndex((tab) => tab.id === lastResponder)
      lastResponder = known[(index + 1) % known.length]?.id
    },
    answer: (request: number, answer: CredentialsAnswer): void => pending.get(request)?.(answer),
  }
}
