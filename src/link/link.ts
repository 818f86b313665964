import type { Environment } from '../environment.js'
import { messageOf, type Report } from '../errors.js'
import { type Credentials, type EventPair, type HubMessage, PROTOCOL, type Settings, type Since, type SocketState } from '../protocol.js'
import type { Host, Step } from '../status.js'
import { type Attachment, attach, Refused } from './attachment.js'
import { NotHere, type Rung } from './rung.js'

/** So many losses of a host within this time (ms) and the next rung is taken. */
const LOSSES = { most: 3, within: 60_000 }
/** When no host could be had, the ladder is tried again after up to this long (ms). */
const RETRY = 15_000
/** How long (ms) a sign-out may take to be confirmed. */
const FAREWELL = 2_000

export interface LinkState {
  readonly phase: 'seeking' | 'attached' | 'parked' | 'signed-out' | 'closed'
  readonly host: Host | undefined
  readonly steps: readonly Step[]
  readonly socket: SocketState | undefined
  readonly tabs: number
  readonly epoch: string | undefined
  readonly reason?: string | undefined
}

export interface LinkOptions {
  readonly environment: Environment
  readonly key: string
  readonly tab: string
  readonly settings: Settings
  readonly rungs: readonly Rung[]
  /** The event names that this tab asks for now. */
  readonly events: () => readonly string[]
  readonly auth: () => Promise<Credentials>
  readonly report: Report
  readonly onState: (state: LinkState) => void
  readonly onEvents: (events: readonly EventPair[]) => void
  readonly onGap: (reason: string) => void
  /** Attached without a gap: the hub vouches for everything since this page began to load. */
  readonly onVouched: () => void
  /** A message came after the session had ended here. */
  readonly onFenced: () => void
}

/** The tab's side of the pipe: finds a hub, attaches, and attaches again when it is lost. */
export interface Link {
  state(): LinkState
  /** The set of wanted events has changed. */
  want(): void
  /** Ends the session in every tab. Nothing is delivered any more from this call on. */
  signOut(): void
  /** `release`: the identity has ended here, so a hub without other tabs closes its socket at once. */
  close(release: boolean): void
}

export function createLink(options: LinkOptions): Link {
  const { environment, key, rungs, report } = options
  const { clock, timers, page, random } = environment

  let state: LinkState = { phase: 'seeking', host: undefined, steps: [], socket: undefined, tabs: 0, epoch: undefined }
  let visit = new AbortController()
  let attachment: Attachment | undefined
  let rung = 0
  let visits = 0
  let losses: number[] = []
  let seq: number | undefined
  let stopRetry: (() => void) | undefined
  /** The session has ended here; what still comes in is counted, not delivered. */
  let fenced = false

  const enter = (change: Partial<LinkState>) => {
    state = { ...state, reason: undefined, ...change }
    options.onState(state)
  }

  async function seek(): Promise<void> {
    while (rung < rungs.length) {
      leave()
      const { signal } = visit
      const current = rungs[rung] as Rung
      const events = options.events()
      const hello = { protocol: PROTOCOL, tab: options.tab, settings: options.settings, events, since: since() }
      const lock = `${key}/tab/${options.tab}/${++visits}`
      try {
        const made = await attach(current, { environment, hello, lock, onMessage: receive, onLost: lost, signal })
        if (!signal.aborted) attached(current.host, made, events)
        return
      } catch (thrown) {
        if (signal.aborted) return
        if (thrown instanceof Refused && thrown.refusal.code === 'signed-out') return end(thrown.message)
        stepDown(current.host, thrown)
      }
    }
    giveUpForNow()
  }

  function since(): Since {
    return { time: clock.origin, ...(state.epoch && { epoch: state.epoch }), ...(seq !== undefined && { seq }) }
  }

  function giveUpForNow(): void {
    leave()
    const reason = state.steps.map((step) => `${step.host}: ${step.reason}`).join('; ')
    report('no-host', `no host could be used; they are tried again. ${reason}`, { detail: { steps: state.steps } })
    enter({ phase: 'seeking', host: undefined, reason })
    stopRetry = timers.after(random() * RETRY, () => {
      rung = 0
      enter({ steps: [], reason })
      void seek()
    })
  }

  function stepDown(host: Host, thrown: unknown): void {
    const reason = messageOf(thrown)
    rung++
    enter({ steps: [...state.steps, { host, reason }] })
    if (thrown instanceof NotHere) return
    const code = thrown instanceof Refused ? (thrown.refusal.code as 'protocol-mismatch' | 'wrong-hub') : 'host-failed'
    report(code, `${host}: ${reason}`, { detail: { host, reason }, cause: thrown })
  }

  function attached(host: Host, made: Attachment, asked: readonly string[]): void {
    const { welcome } = made
    attachment = made
    if (fenced) return made.signOut()
    seq = welcome.seq
    enter({ phase: 'attached', host, socket: welcome.socket, tabs: welcome.tabs, epoch: welcome.epoch })
    if (options.events().join() !== asked.join()) want()
    if (welcome.settingsDiffer) {
      report('settings-differ', 'another tab made this hub with other connection settings, which stay in force')
    }
    if (welcome.gap) options.onGap(welcome.gap)
    else if (welcome.replay) options.onVouched()
    if (welcome.replay?.length) options.onEvents(welcome.replay)
  }

  function receive(message: HubMessage): void {
    if (message.kind === 'signed-out') return end(message.reason)
    if (fenced) return message.kind === 'events' ? options.onFenced() : undefined
    switch (message.kind) {
      case 'events':
        seq = message.seq
        return options.onEvents(message.events)
      case 'gap':
        seq = message.seq
        return options.onGap(message.reason)
      case 'state':
        return enter({ socket: message.socket, tabs: message.tabs })
      case 'ask':
        return void options.auth().then((answer) => attachment?.credentials(message.ask, answer))
      case 'problem':
        return report(message.code, message.message, message.event === undefined ? {} : { detail: { event: message.event } })
    }
  }

  function lost(reason: string, hung: boolean): void {
    if (fenced) return end(reason)
    if (hung) report('call-timeout', reason, { detail: { host: state.host } })
    const now = clock.now()
    losses = [...losses.filter((at) => now - at < LOSSES.within), now]
    if (losses.length >= LOSSES.most && rung < rungs.length - 1) {
      losses = []
      stepDown(state.host as Host, new Error(`lost ${LOSSES.most} times within a minute, last: ${reason}`))
    }
    enter({ phase: 'seeking', socket: undefined, tabs: 0, reason })
    void seek()
  }

  /** Leaves whatever this tab is attached to, or on the way to. */
  function leave(): void {
    attachment = undefined
    stopRetry?.()
    stopRetry = undefined
    visit.abort()
    visit = new AbortController()
  }

  /** A page in the back/forward cache must be silent and hold no locks; a frozen one should not be waited for. */
  function park(): void {
    if (state.phase !== 'attached' && state.phase !== 'seeking') return
    attachment?.detach(false)
    leave()
    enter({ phase: 'parked', socket: undefined, tabs: 0 })
  }

  function back(): void {
    if (state.phase !== 'parked') return
    enter({ phase: 'seeking' })
    void seek()
  }

  function want(): void {
    attachment?.want(options.events())
  }

  function end(reason: string): void {
    stop()
    enter({ phase: 'signed-out', socket: undefined, tabs: 0, reason })
  }

  function stop(): void {
    fenced = true
    leave()
    for (const off of subscriptions) off()
  }

  const subscriptions = [
    page.on('away', park),
    page.on('back', back),
    page.on('visible', () => attachment?.nudge('visible')),
    page.on('online', () => attachment?.nudge('online')),
  ]
  void seek()

  return {
    state: () => state,
    want,
    signOut() {
      if (fenced) return
      fenced = true
      attachment?.signOut()
      subscriptions.push(timers.after(FAREWELL, () => end('signed out in this tab')))
      enter({ phase: 'signed-out', socket: undefined, tabs: 0, reason: 'signed out in this tab' })
    },
    close(release) {
      if (state.phase === 'closed') return
      attachment?.detach(release)
      stop()
      enter({ phase: 'closed', socket: undefined, tabs: 0 })
    },
  }
}
