import type { Channel } from '../platform/environment.js'
import type { TabEnvironment } from '../platform/page.js'
import { afterSilence } from '../platform/timeouts.js'
import { type Endpoint, listen } from '../wire/endpoint.js'
import { isHubMessage } from '../wire/messages.js'
import type { CredentialsAnswer, HubMessage, TabMessage } from '../wire/protocol.js'
import { createCaller } from './caller.js'
import { HubTimeoutError } from './link-errors.js'
import type { Rung } from './rungs.js'

/** A hub's message for the link; its requests for credentials and for a description are answered here. */
export type LinkMessage = Exclude<HubMessage, { kind: 'credentials-request' | 'describe' }>

export interface HubClientHandlers {
  readonly onMessage: (message: LinkMessage) => void
  /** Answers a request for credentials. */
  readonly auth: () => Promise<CredentialsAnswer>
}

interface HubClientOptions {
  readonly environment: TabEnvironment
  readonly handlers: HubClientHandlers
  /** Everything up to here in this hub's life was delivered. */
  readonly heard: () => number | undefined
  /** Aborting it closes the client: the hub is told, and nothing is delivered from then on. */
  readonly signal: AbortSignal
}

/** The tab's end of an endpoint: calls with a timeout, and the hub's messages. */
export function createHubClient(rung: Rung, endpoint: Endpoint, options: HubClientOptions) {
  const { environment, handlers, heard, signal } = options
  const { page } = environment
  const caller = createCaller(endpoint)
  /** A hub in this very thread is as well as this tab is: it gets no timeout. */
  const isOwnHub = rung.host !== 'shared-worker' && !endpoint.shared
  let received = 0
  let multicast: Channel | undefined

  function receive(data: unknown): void {
    if (signal.aborted) return
    received++
    if (!isHubMessage(data)) caller.receive(data)
    else if (data.kind === 'credentials-request') sendCredentials(data.request)
    else if (data.kind === 'describe') post({ kind: 'description', title: page.title(), isVisible: page.isVisible() })
    else handlers.onMessage(data)
  }

  /** False when the endpoint can't clone the message, or refuses it. */
  function post(message: TabMessage): boolean {
    try {
      endpoint.postMessage(message)
      return true
    } catch {
      return false
    }
  }

  /** Only to the hub that asked, over the endpoint on which it asked, and never where others can listen. */
  function sendCredentials(request: number): void {
    if (endpoint.shared) return
    void handlers.auth().then((answer) => {
      if (signal.aborted || post({ kind: 'credentials', request, answer })) return
      post({ kind: 'credentials', request, answer: { ok: false, message: 'auth gave what can not be sent' } })
    })
  }

  function detach(release = false, park = false): void {
    const seq = heard()
    post({ kind: 'detach', release, park, ...(seq !== undefined && { seq }) })
  }

  function close(): void {
    // Also to a hub that has not welcomed this tab yet: it must not count on this tab.
    detach()
    // Further events there are for other tabs.
    multicast?.close()
    stopListening()
    caller.end()
    endpoint.close()
  }

  const stopListening = listen(endpoint, receive)
  if (signal.aborted) close()
  else signal.addEventListener('abort', close)

  return {
    post,
    detach,
    call: caller.call,
    /** Gives the answer of a call, or rejects with a `HubTimeoutError` once the hub has sent nothing at all for so long. */
    withHubTimeout<T>(ms: number, answer: Promise<T>): Promise<T> {
      return new Promise((resolve, reject) => {
        const onSilence = () => reject(new HubTimeoutError(rung, ms))
        const cancel = isOwnHub ? undefined : afterSilence(environment, () => received, ms, onSilence)
        answer.then(resolve, reject).finally(cancel)
      })
    },
    /** Takes events also from the channel on which the hub posts them once for all followers. */
    joinMulticast(name: string): void {
      try {
        multicast = environment.openChannel?.(name)
      } catch {
        // Without it, the events come over this tab's own endpoint.
      }
      if (!multicast) return
      listen(multicast, receive)
      post({ kind: 'multicast-joined' })
    },
  }
}
