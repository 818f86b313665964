import { messageOf } from '../util/errors.js'
import { PROTOCOL, type Since } from '../wire/protocol.js'
import type { Step } from '../wire/status.js'
import { type Attachment, type AttachmentHandlers, attach } from './attachment.js'
import type { Ladder } from './ladder.js'
import { HubTimeoutError, RefusedError } from './link-errors.js'
import type { LinkOptions } from './link-options.js'

export interface SeekerHandlers extends AttachmentHandlers {
  readonly onAttached: (attachment: Attachment) => void
  /** The ladder's rung failed. It is retried, or the next one is tried. */
  readonly onRetry: (steps: readonly Step[]) => void
  /** The ladder needs a rest. */
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

/** Tries to attach by the ladder's rung. The signal ends the attempt, and then the attachment that came of it. */
export function createSeeker({ ladder, handlers, ...options }: SeekerOptions) {
  const { environment, key, tab, settings, report } = options
  let attempts = 0
  /** A hub did not answer this tab, and none has answered since. */
  let hubTimedOut = false

  function onLost(reason: string, timedOut: boolean): void {
    hubTimedOut ||= timedOut
    handlers.onLost(reason, timedOut)
  }

  function noRungLeft(): void {
    const { steps } = ladder
    const reason = steps.map((step) => `${step.host}: ${step.reason}`).join('; ')
    report('no-host', `no host could be used; they are tried again. ${reason}`, { detail: { steps } })
    ladder.restart()
    handlers.onFailed(reason)
  }

  return async function seek(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const { rung } = ladder
    if (!rung) return noRungLeft()
    const since = { ageMs: environment.clock.monotonic(), ...options.position() }
    try {
      const attachment = await attach(rung, {
        ...options,
        hello: { protocol: PROTOCOL, tab, settings, check: key, since },
        newLockName: () => `${key}/tab/${tab}/${++attempts}`,
        hubTimedOut,
        handlers: { ...handlers, onLost },
        signal,
      })
      if (signal.aborted) return
      hubTimedOut = false
      ladder.resetFailures()
      handlers.onAttached(attachment)
    } catch (thrown) {
      if (signal.aborted) return
      hubTimedOut ||= thrown instanceof HubTimeoutError
      if (thrown instanceof RefusedError && thrown.refusal.code === 'signed-out') handlers.onSignedOut(thrown.message)
      else if (ladder.failed(thrown) === 'rest') handlers.onFailed(messageOf(thrown))
      else handlers.onRetry(ladder.steps)
    }
  }
}
