import type { Attachment } from './attachment.js'
import { createDelivery } from './delivery.js'
import type { LinkMessage } from './hub-client.js'
import { createLadder } from './ladder.js'
import type { Link, LinkOptions, LinkState } from './link-options.js'
import { createLinkStore, type LinkStatus } from './link-state.js'
import { createSeeker } from './seeker.js'

/** A rest, before the ladder is tried again, lasts up to this long. */
const MAX_REST_MS = 15_000
/** An attachment that lasted less than this is followed by a pause of up to as long. */
const MIN_ATTACHED_MS = 100
/** How long a sign-out may take to be confirmed. */
const SIGN_OUT_TIMEOUT_MS = 2_000
/** What the tab sees while there is no hub. */
const NO_HUB = { host: undefined, role: undefined, socket: undefined, tabs: 0 } as const
const SIGNED_OUT_HERE = 'signed out in this tab'
const NO_CREDENTIALS = { ok: false, message: 'signed out' } as const

/** The tab's side of the endpoint: finds a hub, attaches, and attaches again when the hub is lost. */
export function createLink(options: LinkOptions): Link {
  const { environment, report } = options
  const { clock, timers, page } = environment
  const store = createLinkStore(options.onState)
  const ladder = createLadder(options.rungs, clock.now, report)
  const delivery = createDelivery(options, report)
  const search = createSeeker({
    ...options,
    ladder,
    position: delivery.position,
    handlers: {
      onAttached,
      onRetry: (steps) => seek({ steps }),
      onFailed: (reason) => rest(MAX_REST_MS, { ...NO_HUB, reason }),
      onSignedOut,
      onMessage,
      onLost,
      auth: async () => (store.status.name === 'signing-out' ? NO_CREDENTIALS : options.auth()),
    },
  })

  function seek(change?: Partial<LinkState>): void {
    store.leave()
    const attempt = new AbortController()
    store.advance({ name: 'seeking', attempt }, change)
    void search(attempt.signal)
  }

  function rest(maxMs: number, change: Partial<LinkState>): void {
    store.leave()
    store.advance({ name: 'resting', cancelRetry: timers.after(environment.random() * maxMs, () => seek()) }, change)
  }

  function onAttached(attachment: Attachment): void {
    delivery.moveTo(attachment.welcome)
    store.attach(attachment, clock.now())
    if (store.status.name === 'signing-out') attachment.signOut()
    if (store.status.name !== 'attached') return
    attachment.updateSubscriptions()
    delivery.welcome(attachment.welcome)
  }

  function onMessage(message: LinkMessage): void {
    if (message.kind === 'signed-out') onSignedOut(message.reason)
    else if (!store.isDelivering()) return
    else if (message.kind === 'state') store.show({ socket: message.socket, tabs: message.tabs })
    else if (message.kind === 'promoted') seek({ socket: undefined, tabs: 0, reason: 'its own hub leads now' })
    else if (message.kind === 'closed') onLost(message.reason, false)
    else delivery.message(message)
  }

  function onLost(reason: string, hubTimedOut: boolean): void {
    const { status } = store
    // A sign-out that was not confirmed: the next hub is told, if there is one in time.
    if (status.name === 'signing-out') return void seek()
    if (hubTimedOut) report('call-timeout', reason, { detail: { host: store.seen().host } })
    ladder.lost(reason)
    const change = { ...NO_HUB, steps: ladder.steps, reason }
    // A hub that is lost as soon as it is found must not be looked for in a tight loop.
    if (status.name === 'attached' && clock.now() - status.since < MIN_ATTACHED_MS) rest(MIN_ATTACHED_MS, change)
    else seek(change)
  }

  /** A page in the back/forward cache must be silent and hold no locks; nobody should wait for a frozen one. */
  function park(): void {
    // The hub knows of the sign-out by now, or it never will.
    if (store.status.name === 'signing-out') onSignedOut(SIGNED_OUT_HERE)
    else if (store.progress()) {
      store.attachment()?.detach(false)
      store.leave()
      ladder.rung?.release?.()
      store.enter({ name: 'parked' }, { socket: undefined, tabs: 0 })
    }
  }

  function resume(): void {
    if (store.status.name !== 'parked') return
    ladder.resetFailures()
    seek({})
  }

  function onSignedOut(reason: string): void {
    end({ name: 'signed-out' }, { ...NO_HUB, reason })
  }

  function end(last: LinkStatus, change: Partial<LinkState>): void {
    store.leave()
    ladder.rung?.release?.()
    for (const stop of pageListeners) stop()
    store.enter(last, change)
  }

  const pageListeners = [
    page.on('away', park),
    page.on('back', resume),
    page.on('visible', () => store.attachment()?.nudge('visible')),
    page.on('online', () => store.attachment()?.nudge('online')),
  ]
  seek()

  return {
    state: store.seen,
    position: delivery.position,
    subscriptionsChanged: () => store.attachment()?.updateSubscriptions(),
    signOut() {
      if (isOver(store.status)) return
      const cancelTimeout = timers.after(SIGN_OUT_TIMEOUT_MS, () => onSignedOut(SIGNED_OUT_HERE))
      store.attachment()?.signOut()
      const progress = store.progress()
      store.enter({ name: 'signing-out', progress, cancelTimeout }, { ...NO_HUB, reason: SIGNED_OUT_HERE })
    },
    close(release) {
      // A sign-out goes on until it is confirmed or times out: until then the other tabs have to be told.
      if (isOver(store.status)) return
      store.attachment()?.detach(release)
      end({ name: 'closed' }, { socket: undefined, tabs: 0 })
    },
  }
}

const isOver = ({ name }: LinkStatus) => name === 'signing-out' || name === 'signed-out' || name === 'closed'
