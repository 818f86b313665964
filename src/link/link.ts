import type { Page } from '../platform/page.js'
import type { HubInspection } from '../wire/hub-calls.js'
import { NOT_CONNECTED, type Nudge } from '../wire/protocol.js'
import { SIGNED_OUT_HERE } from '../wire/status.js'
import type { Attachment } from './attachment.js'
import { createDelivery } from './delivery.js'
import type { LinkMessage } from './hub-client.js'
import { createLadder } from './ladder.js'
import type { Link, LinkOptions, LinkState } from './link-options.js'
import { createLinkStore, type LinkStatus, NO_HUB } from './link-state.js'
import { createSeeker } from './seeker.js'
import { createSignOuts, isOver } from './sign-outs.js'

/** A rest, before the ladder is tried again, lasts up to this long; each further one up to twice as long as the last. */
const MIN_REST_MS = 15_000
const MAX_REST_MS = 60_000
/** An attachment that lasted less than this is followed by a pause. The first is short, and each further one twice as long. */
const MIN_ATTACHED_MS = 1_000
const MIN_LOSS_PAUSE_MS = 100
/** An older sign-out ended the hub of a new session: another tab's storage may learn of a newer one this much later. */
const STORAGE_DELAY_MS = 250
const NO_CREDENTIALS = { ok: false, message: 'signed out' } as const

/** The tab's side of the endpoint: finds a hub, attaches, and attaches again when the hub is lost. */
export function createLink(options: LinkOptions): Link {
  const { environment, report } = options
  const { clock, timers, page, random } = environment
  const store = createLinkStore(options.onState)
  const ladder = createLadder(options.rungs, clock.monotonic, report)
  const pauses = createPauses(random)
  const signOuts = createSignOuts(options, store, {
    onSignedOut: (reason) => end({ name: 'signed-out' }, { ...NO_HUB, reason }),
    onOlderSignOut(reason) {
      delivery.forget()
      rest(STORAGE_DELAY_MS, { ...NO_HUB, reason })
    },
  })
  const delivery = createDelivery(options, report, options.heard)
  const search = createSeeker({
    ...options,
    ladder,
    delivery,
    handlers: {
      onAttached,
      onRetry: (steps) => seek({ steps }),
      onFailed: (reason) => rest(pauses.afterFailure(), { ...NO_HUB, reason }),
      onSignedOut: signOuts.hubSignedOut,
      onMessage,
      onLost,
      auth: async () => (store.status.name === 'signing-out' ? NO_CREDENTIALS : options.auth()),
    },
  })

  function seek(change?: Partial<LinkState>): void {
    if (signOuts.endIfSignedOut()) return
    store.leave()
    const attempt = new AbortController()
    store.advance({ name: 'seeking', attempt }, change)
    void search(attempt.signal)
  }

  function rest(ms: number, change: Partial<LinkState>): void {
    if (ms === 0) return void seek(change)
    store.leave()
    store.advance({ name: 'resting', cancelRetry: timers.after(ms, () => seek()) }, change)
  }

  function onAttached(attachment: Attachment): void {
    delivery.moveTo(attachment.welcome)
    pauses.found()
    store.attach(attachment, clock.monotonic())
    if (signOuts.endIfSignedOut()) return
    if (store.status.name === 'signing-out') attachment.signOut()
    if (store.status.name !== 'attached') return
    attachment.updateSubscriptions()
    delivery.welcome(attachment.welcome)
  }

  function onMessage(message: LinkMessage): void {
    if (message.kind === 'signed-out') signOuts.hubSignedOut(message.reason)
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
    const pauseMs = status.name === 'attached' ? pauses.afterLoss(clock.monotonic() - status.since) : 0
    rest(pauseMs, { ...NO_HUB, steps: ladder.steps, reason })
  }

  /** A page in the back/forward cache must be silent and hold no locks; nobody should wait for a frozen one. */
  function park(mayReturn: boolean): void {
    // The hub knows of the sign-out by now, or it never will.
    if (store.status.name === 'signing-out') signOuts.hubSignedOut(SIGNED_OUT_HERE)
    else if (store.progress()) {
      store.attachment()?.detach(false, mayReturn)
      store.leave()
      ladder.rung?.release?.()
      store.enter({ name: 'parked' }, { socket: undefined, tabs: 0 })
    }
  }

  /** Something may have changed: the page is back, a rest ends, the hub looks after its connection. */
  function nudge(why: Nudge): void {
    if (signOuts.endIfSignedOut()) return
    const isParked = store.status.name === 'parked'
    if (isParked) ladder.resetFailures()
    if (isParked || store.progress()?.name === 'resting') seek({})
    else store.attachment()?.nudge(why)
  }

  function end(last: LinkStatus, change: Partial<LinkState>): void {
    store.leave()
    ladder.rung?.release?.()
    stopListening()
    store.enter(last, change)
  }

  const stopListening = listenToPage(page, park, nudge, () => store.attachment()?.hidden())
  seek()
  return {
    state: store.seen,
    position: delivery.position,
    subscriptionsChanged: () => store.attachment()?.updateSubscriptions(),
    retry: (why) => (why === 'reachable' ? store.reachable(clock.monotonic()) : nudge(why)),
    send: async (...send) => store.attached()?.send(...send) ?? NOT_CONNECTED,
    signOut: signOuts.begin,
    close(release) {
      // A sign-out goes on until it is confirmed or times out: until then the other tabs have to be told.
      if (isOver(store.status)) return
      store.attachment()?.detach(release)
      end({ name: 'closed' }, { socket: undefined, tabs: 0 })
    },
    inspect: async (after) => inspectionIn(await store.attached()?.ask('inspect', after)),
    simulate: async (simulation) => (await store.attached()?.ask('simulate', simulation)) === true,
  }
}

/** Checked no deeper: a hub of the same protocol is this library's own. */
function inspectionIn(answer: unknown): HubInspection | undefined {
  const inspection = answer as HubInspection | null | undefined
  return Array.isArray(inspection?.records) ? inspection : undefined
}

/** Tells of the page's moments; returns the way to stop. */
function listenToPage(
  { on }: Page,
  onAway: (mayReturn: boolean) => void,
  onNudge: (why: Nudge) => void,
  onHidden: () => void,
): () => void {
  const stops = [
    on('hidden', onHidden),
    on('away', onAway),
    on('back', () => onNudge('visible')),
    on('visible', () => onNudge('visible')),
    on('online', () => onNudge('online')),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

/** The pauses of a link. Without jitter, the tabs that lost one hub would all search for the next one at once. */
function createPauses(random: () => number) {
  /** Failures since a hub was found. */
  let failures = 0
  /** Attachments in a row that did not last. */
  let short = 0
  return {
    found(): void {
      failures = 0
    },
    afterFailure: () => random() * Math.min(MIN_REST_MS * 2 ** failures++, MAX_REST_MS),
    /** A hub that is lost as soon as it is found must not be looked for in a tight loop. */
    afterLoss(attachedMs: number): number {
      short = attachedMs < MIN_ATTACHED_MS ? short + 1 : 0
      return short === 0 ? 0 : random() * Math.min(MIN_LOSS_PAUSE_MS * 2 ** (short - 1), MIN_REST_MS)
    },
  }
}
