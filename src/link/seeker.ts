import { messageOf } from '../util/errors.js'
import { PROTOCOL, type Since } from '../wire/protocol.js'
import type { Step } from '../wire/status.js'
import { type Attachment, type AttachmentHandlers, attach } from './attachment.js'
import type { Ladder } from './ladder.js'
import { HubTimeoutError, RefusedError } from './link-errors.js'
import type { LinkOptions } from './link-options.js'

export interface SeekerHandlers extends AttachmentHandlers {
  readonly onAttached: (attachment: Attachment) => void
  /** A rung was retried or left. */
  readonly onSteps: (steps: readonly Step[]) => void
  /** Nothing is tried any more until the next `seek`. */
  readonly onFailed: (reason: string) => void
  /** The session was ended in another tab. */
  readonly onSignedOut: (reason: string) => void
}

interface SeekerOptions
  extends Pick<LinkOptions, 'environment' | 'key' | 'tab' | 'settings' | 'follow' | 'events' | 'topics' | 'report'> {
  readonly ladder: Ladder
  readonly position: () => Pick<Since, 'epoch' | 'seq'> | undefined
  readonly handlers: SeekerHandlers
}

/** Goes down the ladder until a rung leads to a hub. */
export function createSeeker({ ladder, position, handlers, ...options }: SeekerOptions) {
  const { environment, key, tab, settings, follow, events, topics, report } = options
  let attempts = 0
  /** A hub did not answer this tab, and none has answered since. */
  let hubTimedOut = false

  /** Ends the attachment too, when its signal aborts. */
  async function seek(signal: AbortSignal): Promise<void> {
    for (let rung = ladder.rung; rung && !signal.aborted; rung = ladder.rung) {
      const attempt = new AbortController()
      const endAttempt = () => attempt.abort(signal.reason)
      signal.addEventListener('abort', endAttempt)
      try {
        const attachment = await attach(rung, {
          environment,
          key,
          follow,
          hello: { protocol: PROTOCOL, tab, settings, since: { time: environment.clock.origin, ...position() } },
          subscriptions: () => ({ events: events(), topics: topics() }),
          newLockName: () => `${key}/tab/${tab}/${++attempts}`,
          hubTimedOut,
          handlers: { ...handlers, onLost },
          signal: attempt.signal,
        })
        if (signal.aborted) return
        hubTimedOut = false
        ladder.resetFailures()
        return handlers.onAttached(attachment)
      } catch (thrown) {
        if (signal.aborted) return
        hubTimedOut ||= thrown instanceof HubTimeoutError
        if (thrown instanceof RefusedError && thrown.refusal.code === 'signed-out') {
          return handlers.onSignedOut(thrown.message)
        }
        if (ladder.failed(thrown) === 'rest') return handlers.onFailed(messageOf(thrown))
        handlers.onSteps(ladder.steps)
        signal.removeEventListener('abort', endAttempt)
        endAttempt()
      }
    }
    if (signal.aborted) return
    const { steps } = ladder
    const reason = steps.map((step) => `${step.host}: ${step.reason}`).join('; ')
    report('no-host', `no host could be used; they are tried again. ${reason}`, { detail: { steps } })
    ladder.restart()
    handlers.onFailed(reason)
  }

  function onLost(reason: string, timedOut: boolean): void {
    hubTimedOut ||= timedOut
    handlers.onLost(reason, timedOut)
  }

  return seek
}
