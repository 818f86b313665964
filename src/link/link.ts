import { messageOf } from '../util/errors.js'
import { PROTOCOL, readEvents, type Since } from '../wire/protocol.js'
import { type Attachment, attachBy, type Heard, HubTimeoutError, RefusedError } from './attachment.js'
import { createLadder } from './ladder.js'
import { type Link, type LinkOptions, type LinkState, SEEKING } from './link-options.js'
import type { Rung } from './rung.js'
import { createSubscriptions } from './subscriptions.js'

/** When no host could be had, the ladder is tried again after up to this long (ms). */
const RETRY = 15_000
/** An attachment that lasted for less than this (ms) is followed by a pause of up to as long. */
const BRIEF = 100
/** What is no longer true without a hub. */
const GONE = { host: undefined, role: undefined, socket: undefined, tabs: 0 } as const
/** How long (ms) a sign-out may take to be confirmed. */
const FAREWELL = 2_000

/** The tab's side of the pipe: finds a hub, attaches, and attaches again when it is lost. */
export function createLink(options: LinkOptions): Link {
  const { environment, key, report } = options
  const { clock, timers, page, random } = environment

  let state: LinkState = SEEKING
  let visit = new AbortController()
  let attachment: Attachment | undefined
  let visits = 0
  /** A hub has left this tab without an answer, and none has answered since. */
  let hung = false
  let attachedAt = Number.NEGATIVE_INFINITY
  let seq: number | undefined
  let stopRetry: (() => void) | undefined
  /** The session has ended here; what still comes in is counted, not delivered. */
  let fenced = false
  let away = false
  const asked = createSubscriptions(options.events, options.topics)
  const ladder = createLadder(options.rungs, clock.now, report)

  const enter = (change: Partial<LinkState>) => {
    state = { ...state, reason: undefined, ...change }
    options.onState(state)
  }

  async function seek(): Promise<void> {
    for (let rung = ladder.rung; rung; rung = ladder.rung) {
      leave()
      const { signal } = visit
      try {
        await visitRung(rung, signal)
        return
      } catch (thrown) {
        if (signal.aborted) return
        hung ||= thrown instanceof HubTimeoutError
        if (thrown instanceof RefusedError && thrown.refusal.code === 'signed-out') {
          end(thrown.message)
          return
        }
        if (ladder.failed(thrown) === 'rest') return rest(messageOf(thrown))
        enter({ steps: ladder.steps })
      }
    }
    const reason = ladder.steps.map((step) => `${step.host}: ${step.reason}`).join('; ')
    report('no-host', `no host could be used; they are tried again. ${reason}`, { detail: { steps: ladder.steps } })
    ladder.restart()
    rest(reason)
  }

  function rest(reason: string): void {
    leave()
    if (!fenced) enter({ ...GONE, phase: 'seeking', reason })
    stopRetry = timers.after(random() * RETRY, () => void seek())
  }

  async function visitRung(rung: Rung, signal: AbortSignal): Promise<void> {
    const since: Since = {
      time: clock.origin,
      ...(state.epoch && { epoch: state.epoch }),
      ...(seq !== undefined && { seq }),
    }
    const made = await attachBy(rung, options.follow, {
      environment,
      key,
      hello: { protocol: PROTOCOL, tab: options.tab, settings: options.settings, since },
      asked,
      lock: () => `${key}/tab/${options.tab}/${++visits}`,
      onMessage: receive,
      auth: async () => (fenced ? { ok: false, message: 'signed out' } : options.auth()),
      onLost: lost,
      hung,
      isOver: () => fenced && !away,
      onLate: options.onLate,
      signal,
    })
    if (!signal.aborted) attached(made)
  }

  function attached(made: Attachment): void {
    const { welcome } = made
    attachment = made
    if (fenced) {
      made.signOut()
      return
    }
    hung = false
    ladder.forgive()
    attachedAt = clock.now()
    seq = welcome.seq
    const { host, role, socket, tabs, epoch } = welcome
    enter({ phase: 'attached', host, role, socket, tabs, epoch })
    made.want()
    if (welcome.settingsDiffer) {
      report('settings-differ', 'another tab made this hub with other connection settings, which stay in force')
    }
    if (welcome.gap) options.onGap(welcome.gap)
    else if (welcome.replay) options.onVouched()
    if (welcome.replay?.length) options.onEvents(welcome.replay)
    options.onTopics(welcome.topics)
  }

  function receive(message: Heard): void {
    if (message.kind === 'signed-out') end(message.reason)
    else if (!fenced) obey(message)
    else if (message.kind === 'events') options.onLate()
  }

  function obey(message: Exclude<Heard, { kind: 'signed-out' }>): void {
    switch (message.kind) {
      case 'events':
        // What was on its way as this tab subscribed to the multicast comes over both.
        if (message.seq <= (seq ?? 0)) break
        seq = message.seq
        options.onEvents(readEvents(message.events))
        break
      case 'gap':
        seq = message.seq
        options.onGap(message.reason)
        break
      case 'topic':
        options.onTopics([message])
        break
      case 'state':
        enter({ socket: message.socket, tabs: message.tabs })
        break
      case 'problem':
        report(message.code, message.message, message.event === undefined ? {} : { detail: { event: message.event } })
        break
      case 'promoted':
        enter({ phase: 'seeking', socket: undefined, tabs: 0, reason: 'going home to its own hub' })
        void seek()
        break
      case 'closed':
        lost(message.reason, false)
    }
  }

  function lost(reason: string, isHung: boolean): void {
    // A sign-out that was not confirmed: the next hub is told, if there is one before the farewell is over.
    if (fenced) return void seek()
    hung ||= isHung
    if (isHung) report('call-timeout', reason, { detail: { host: state.host } })
    ladder.lost(reason)
    enter({ ...GONE, phase: 'seeking', steps: ladder.steps, reason })
    // A hub that is lost as soon as it is found must not be looked for in a tight loop.
    if (clock.now() - attachedAt >= BRIEF) void seek()
    else {
      leave()
      stopRetry = timers.after(random() * BRIEF, () => void seek())
    }
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
    away = true
    // The sign-out has been told, or it never will be.
    if (fenced) end('signed out in this tab')
    if (state.phase !== 'attached' && state.phase !== 'seeking') return
    attachment?.detach(false)
    leave()
    ladder.rung?.release?.()
    enter({ phase: 'parked', socket: undefined, tabs: 0 })
  }

  function back(): void {
    away = false
    if (state.phase !== 'parked') return
    ladder.forgive()
    enter({ phase: 'seeking' })
    void seek()
  }

  function end(reason: string): void {
    stop()
    enter({ ...GONE, phase: 'signed-out', reason })
  }

  function stop(): void {
    fenced = true
    leave()
    ladder.rung?.release?.()
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
    heard: () => (state.epoch !== undefined && seq !== undefined ? { epoch: state.epoch, seq } : undefined),
    subscriptionsChanged: () => attachment?.want(),
    signOut() {
      if (fenced) return
      fenced = true
      attachment?.signOut()
      subscriptions.push(timers.after(FAREWELL, () => end('signed out in this tab')))
      enter({ ...GONE, phase: 'signed-out', reason: 'signed out in this tab' })
    },
    close(release) {
      // After a sign-out the farewell ends it: until then the other tabs have to be told.
      if (fenced) return
      attachment?.detach(release)
      stop()
      enter({ phase: 'closed', socket: undefined, tabs: 0 })
    },
  }
}
