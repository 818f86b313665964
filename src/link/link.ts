import type { Nudge } from '../wire/protocol.js'
import type { Attachment } from './attachment.js'
import { createDelivery } from './delivery.js'
import type { LinkMessage } from './hub-client.js'
import { createLadder } from './ladder.js'
import type { Link, LinkOptions, LinkState } from './link-options.js'
import { createLinkStore, type LinkStatus } from './link-state.js'
import { createSeeker } from './seeker.js'

/** A rest, before the ladder is tried again, lasts up to this long; each further one up to twice as long as the last. */
const MIN_REST_MS = 15_000
const MAX_REST_MS = 60_000
/** An attachment that lasted less than this is followed by a pause. The first is short, and each further one twice as long. */
const MIN_ATTACHED_MS = 1_000
const MIN_LOSS_PAUSE_MS = 100
/** An older sign-out ended the hub of a new session: another tab's storage may learn of a newer one this much later. */
const STORAGE_DELAY_MS = 250
/** How long a sign-out may take to be confirmed. */
const SIGN_OUT_TIMEOUT_MS = 2_000
/** What the tab sees while there is no hub. */
const NO_HUB = { host: undefined, role: undefined, socket: undefined, tabs: 0 } as const
const SIGNED_OUT_HERE = 'signed out in this tab'
const SIGNED_OUT_ELSEWHERE = 'signed out in a tab of this browser'
const NO_CREDENTIALS = { ok: false, message: 'signed out' } as const

/** The tab's side of the endpoint: finds a hub, attaches, and attaches again when the hub is lost. */
export function createLink(options: LinkOptions): Link {
  const { environment, key, report } = options
  const { clock, timers, page, random } = environment
  const store = createLinkStore(options.onState)
  const ladder = createLadder(options.rungs, clock.monotonic, report)
  const signOuts = watchSignOuts(options)
  const delivery = createDelivery(options, report)
  const search = createSeeker({
    ...options,
    ladder,
    position: delivery.position,
    handlers: {
      onAttached,
      onRetry: (steps) => seek({ steps }),
      onFailed(reason) {
        const maxMs = Math.min(MIN_REST_MS * 2 ** rests++, MAX_REST_MS)
        rest(random() * maxMs, { ...NO_HUB, reason })
      },
      onSignedOut: onHubSignedOut,
      onMessage,
      onLost,
      auth: async () => (store.status.name === 'signing-out' ? NO_CREDENTIALS : options.auth()),
    },
  })

  /** Rests since a hub was found. */
  let rests = 0
  /** Attachments in a row that did not last. */
  let shortAttachments = 0

  function seek(change?: Partial<LinkState>): void {
    if (endIfSignedOut()) return
    store.leave()
    const attempt = new AbortController()
    store.advance({ name: 'seeking', attempt }, change)
    void search(attempt.signal)
  }

  function rest(ms: number, change: Partial<LinkState>): void {
    store.leave()
    store.advance({ name: 'resting', cancelRetry: timers.after(ms, () => seek()) }, change)
  }

  function onAttached(attachment: Attachment): void {
    delivery.moveTo(attachment.welcome)
    rests = 0
    store.attach(attachment, clock.monotonic())
    // While it was attaching.
    if (endIfSignedOut()) return
    if (store.status.name === 'signing-out') attachment.signOut()
    if (store.status.name !== 'attached') return
    attachment.updateSubscriptions()
    delivery.welcome(attachment.welcome)
  }

  function onMessage(message: LinkMessage): void {
    if (message.kind === 'signed-out') onHubSignedOut(message.reason)
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
    const isShort = status.name === 'attached' && clock.monotonic() - status.since < MIN_ATTACHED_MS
    shortAttachments = isShort ? shortAttachments + 1 : 0
    // A hub that is lost as soon as it is found must not be looked for in a tight loop.
    if (isShort) rest(random() * Math.min(MIN_LOSS_PAUSE_MS * 2 ** (shortAttachments - 1), MIN_REST_MS), change)
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

  /** Something may have changed: a rest ends, and the hub looks after its connection. */
  function nudge(why: Nudge): void {
    if (endIfSignedOut()) return
    if (store.status.name === 'parked') resume()
    else if (store.progress()?.name === 'resting') seek()
    else store.attachment()?.nudge(why)
  }

  /** Ends the session if another tab has signed out, whatever has become of the hub that was told. */
  function endIfSignedOut(): boolean {
    if (isOver(store.status) || !signOuts.isSignedOut()) return false
    store.attachment()?.detach(true)
    onSignedOut(SIGNED_OUT_ELSEWHERE)
    return true
  }

  /** A hub ended by a sign-out. This session may have begun after that, and met the hub that was about to end. */
  function onHubSignedOut(reason: string): void {
    if (store.status.name === 'signing-out' || !signOuts.isOlder()) onSignedOut(reason)
    else {
      delivery.forget()
      rest(STORAGE_DELAY_MS, { ...NO_HUB, reason })
    }
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
    page.on('visible', () => nudge('visible')),
    page.on('online', () => nudge('online')),
    signOuts.on(endIfSignedOut),
  ]
  seek()

  return {
    state: store.seen,
    position: delivery.position,
    subscriptionsChanged: () => store.attachment()?.updateSubscriptions(),
    retry: nudge,
    signOut() {
      if (isOver(store.status)) return
      // First, and at once: whatever becomes of the hub, the other tabs find the mark.
      environment.signOutMarks.write(key)
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

/** What the marks of sign-outs say of a session: they are compared with the one that was there when it began. */
function watchSignOuts({ environment: { signOutMarks }, key }: Pick<LinkOptions, 'environment' | 'key'>) {
  const baseline = signOutMarks.read(key)
  return {
    /** Since this session began. */
    isSignedOut() {
      const mark = signOutMarks.read(key)
      return mark !== undefined && mark !== baseline
    },
    /** The last sign-out was before this session began. Nobody knows where there is no mark. */
    isOlder: () => baseline !== undefined && signOutMarks.read(key) === baseline,
    on: (run: () => void) => signOutMarks.on(key, run),
  }
}

const isOver = ({ name }: LinkStatus) => name === 'signing-out' || name === 'signed-out' || name === 'closed'
