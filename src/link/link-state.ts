import type { Attachment } from './attachment.js'
import { type LinkState, SEEKING } from './link-options.js'

/** What the tab sees while there is no hub. */
export const NO_HUB = { host: undefined, role: undefined, socket: undefined, tabs: 0 } as const

/** How far the tab is on its way to a hub. `attempt` ends the search, and then the attachment that came of it. */
type LinkProgress =
  | { readonly name: 'seeking'; readonly attempt: AbortController }
  | { readonly name: 'resting'; readonly cancelRetry: () => void }
  | {
      readonly name: 'attached'
      readonly attempt: AbortController
      readonly attachment: Attachment
      /** By the monotonic clock. */
      readonly since: number
    }

/**
 * A link's own state. `seeking`, `resting` and `attached` follow each other until the page is `parked` or the session ends:
 * by `closed`, or by `signed-out`. A `signOut` in this tab comes there by `signing-out`, which still makes progress: to tell the hub.
 */
export type LinkStatus =
  | LinkProgress
  /** The page is in the back/forward cache, or frozen: nothing is open and no timer runs. */
  | { readonly name: 'parked' }
  /** Over for this tab. Without `progress` the page was parked, and no hub is told. */
  | { readonly name: 'signing-out'; readonly progress: LinkProgress | undefined; readonly cancelTimeout: () => void }
  | { readonly name: 'signed-out' }
  | { readonly name: 'closed' }

function phaseOf({ name }: LinkStatus): LinkState['phase'] {
  if (name === 'resting') return 'seeking'
  return name === 'signing-out' ? 'signed-out' : name
}

/** An app may say for each answer of its server that it can be reached; a hub hears it so seldom. */
const REACHABLE_INTERVAL_MS = 1_000

/** Keeps a link's state, and what the tab sees of it. */
export function createLinkStore(onState: (state: LinkState) => void) {
  let status: LinkStatus = { name: 'parked' }
  let seen: LinkState = SEEKING
  let reachableAt = Number.NEGATIVE_INFINITY

  function progress(): LinkProgress | undefined {
    if (status.name === 'signing-out') return status.progress
    return status.name === 'seeking' || status.name === 'resting' || status.name === 'attached' ? status : undefined
  }

  function show(change: Partial<LinkState>): void {
    seen = { ...seen, reason: undefined, ...change, phase: phaseOf(status) }
    onState(seen)
  }

  function enter(next: LinkStatus, change?: Partial<LinkState>): void {
    if (status.name === 'signing-out' && next.name !== 'signing-out') status.cancelTimeout()
    status = next
    if (change) show(change)
  }

  /** A session that is being signed out makes progress too, but shows nothing of it. */
  function advance(next: LinkProgress, change?: Partial<LinkState>): void {
    if (status.name === 'signing-out') enter({ ...status, progress: next })
    else enter(next, change)
  }

  return {
    get status() {
      return status
    },
    seen: () => seen,
    progress,
    /** Whether what a hub sends is for this tab: not once its session has ended here. */
    isDelivering: () => status.name === 'seeking' || status.name === 'attached',
    attachment(): Attachment | undefined {
      const current = progress()
      return current?.name === 'attached' ? current.attachment : undefined
    },
    /** Not while it is being signed out. */
    attached: () => (status.name === 'attached' ? status.attachment : undefined),
    /** The server has answered something else; that is of use only to a hub without a connection. */
    reachable(now: number): void {
      if (status.name !== 'attached' || seen.socket?.name === 'connected') return
      if (now - reachableAt < REACHABLE_INTERVAL_MS) return
      reachableAt = now
      status.attachment.nudge('reachable')
    },
    show,
    enter,
    advance,
    /** From `seeking` to `attached`. */
    attach(attachment: Attachment, since: number): void {
      const current = progress()
      if (current?.name !== 'seeking') return
      const { host, role, socket, tabs, epoch } = attachment.welcome
      advance({ ...current, name: 'attached', attachment, since }, { host, role, socket, tabs, epoch })
    },
    /** Leaves the hub, or ends the way to one. */
    leave(): void {
      const current = progress()
      if (current?.name === 'resting') current.cancelRetry()
      else current?.attempt.abort()
    },
  }
}
