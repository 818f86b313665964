import { messageOf } from '../util/errors.js'
import { PROTOCOL } from '../wire/protocol.js'
import type { Step } from '../wire/status.js'
import { type Attachment, type AttachmentHandlers, attach } from './attachment.js'
import type { Delivery } from './delivery.js'
import type { Ladder } from './ladder.js'
import { HubTimeoutError, RefusedError } from './link-errors.js'
import type { LinkOptions } from './link-options.js'
import type { Rung } from './rungs.js'

/** A follower loads the hub's code so long after it has attached, when the page has loaded, and up to twice as long. */
const PRELOAD_DELAY_MS = 5_000
/** Code that could not be loaded is tried again after this long. */
const PRELOAD_RETRY_MS = 120_000

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
  extends Pick<
    LinkOptions,
    'environment' | 'key' | 'check' | 'tab' | 'settings' | 'follow' | 'events' | 'topics' | 'oneTab' | 'report'
  > {
  readonly ladder: Ladder
  readonly delivery: Pick<Delivery, 'complete' | 'position' | 'isFresh'>
  readonly handlers: SeekerHandlers
}

/** Tries to attach by the ladder's rung. The signal ends the attempt, and then the attachment that came of it. */
export function createSeeker({ ladder, delivery, handlers, ...options }: SeekerOptions) {
  const { environment, key, check, tab, settings, report } = options
  /** A hub did not answer this tab, and none has answered since. */
  let hubTimedOut = false

  function onLost(reason: string, timedOut: boolean): void {
    hubTimedOut ||= timedOut
    handlers.onLost(reason, timedOut)
  }

  function noRungLeft(): void {
    const { steps } = ladder
    const reason = steps.map((step) => `${step.host}: ${step.reason}`).join('; ')
    report('no-host', `no host could be used. They are tried again. ${reason}`, { detail: { steps } })
    ladder.restart()
    handlers.onFailed(reason)
  }

  return async function seek(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const { rung } = ladder
    if (!rung) return noRungLeft()
    try {
      const attachment = await attach(rung, {
        ...options,
        position: delivery.complete,
        heard: delivery.position,
        isFresh: delivery.isFresh,
        hello: { protocol: PROTOCOL, tab, settings, check },
        // Never a name of before: a hub that hangs may still hold the lock of this tab's former session.
        newLockName: () => `${key}/tab/${tab}/${environment.id()}`,
        hubTimedOut,
        failures: ladder.failures,
        handlers: { ...handlers, onLost },
        signal,
      })
      if (signal.aborted) return
      hubTimedOut = false
      ladder.resetFailures()
      if (attachment.welcome.role === 'follower') preloadLater(environment, rung, signal)
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

/** Loads what this tab would need in a takeover: when the leader has closed, the server may be out of reach, or the file gone. */
function preloadLater({ timers, random }: LinkOptions['environment'], rung: Rung, signal: AbortSignal): void {
  const { preload } = rung
  if (!preload) return
  const wait = (ms: number) => {
    cancel = timers.after(ms, () => void preload().catch(() => !signal.aborted && wait(PRELOAD_RETRY_MS)))
  }
  let cancel = (): void => undefined
  signal.addEventListener('abort', () => cancel())
  wait((1 + random()) * PRELOAD_DELAY_MS)
}
