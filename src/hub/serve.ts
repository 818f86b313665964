import type { Elector } from '../election/elector.js'
import type { HubEnvironment } from '../platform/environment.js'
import { withTimeout } from '../platform/timeouts.js'
import type { OpenTransport } from '../transport/transport.js'
import { discoveryChannelOf, isDiscoveryMessage, postOnce } from '../wire/discovery.js'
import { type Endpoint, listen, overChannel } from '../wire/endpoint.js'
import type { Host } from '../wire/status.js'
import { createHub, type Hub } from './hub.js'
import { createHubLog } from './log.js'
import type { BatchTimer } from './outbox.js'
import { type PipeServer, type StandbyPipe, serveTabPipe } from './tab-pipe.js'

/** An attaching tab waits this long for the result of the campaign, before it is sent to the owner: by lock, by heartbeats. */
const CAMPAIGN_TIMEOUT_MS = { locks: 150, heartbeats: 1_000 }
/** A leadership without a hub ends after this long. */
const UNUSED_LEADERSHIP_MS = 5_000
/** A hub whose tabs give no credentials leaves the connection to another tab's hub, with this time between two at least. */
const HANDOVER_INTERVAL_MS = { first: 30_000, max: 600_000 }
/** A hub that comes again within this time after a handover knows that its tabs' credentials were refused. */
const HANDOVER_MEMORY_MS = 300_000
/** So many handovers come before that time doubles with each: an election by heartbeats may ask the same tabs again first. */
const MAX_QUICK_HANDOVERS = 8

export interface ServeOptions {
  readonly environment: HubEnvironment
  readonly key: string
  readonly host: Host
  readonly open: OpenTransport
  /** Whether `open` knows a transport of that name. Default: it knows every one that it is asked for. */
  readonly knows?: ((transport: string) => boolean) | undefined
  readonly elector: Elector
  /** Waits between the batches of a burst. Default: by a timer. */
  readonly batchTimer?: BatchTimer
}

/** Serves tabs at the other ends of their pipes. */
export interface Served {
  connect(endpoint: Endpoint): void
  /** Ends the hub, if there is one, and the leadership. */
  close(): void
}

/** `candidacy`: aborted when it ends, and with it the leadership that came of it. */
type ServerState =
  | { readonly name: 'idle' }
  /** `result`: resolves when this hub leads, or the campaign has ended. */
  | { readonly name: 'campaigning'; readonly candidacy: AbortController; readonly result: Promise<void> }
  /** No tab has attached yet. */
  | {
      readonly name: 'leading'
      readonly candidacy: AbortController
      readonly followers: FollowerListener
      cancelTimeout(): void
    }
  | {
      readonly name: 'serving'
      readonly candidacy: AbortController
      readonly followers: FollowerListener
      readonly hub: Hub
    }

/**
 * Serves the tabs of a key. It campaigns for the leadership when the first tab comes, makes the hub once it leads, and stands by
 * until then. When the hub has ended it gives the leadership up, and the next tab starts again.
 */
export function serveHub(options: ServeOptions): Served {
  const { environment, key, host, open, knows, elector, batchTimer } = options
  const { timers, locks, clock } = environment
  const name = environment.id()
  let state: ServerState = { name: 'idle' }
  /** Of the next hub, from the campaign for it on: who asks it will ask why it is there. */
  let log = createHubLog(clock.monotonic)
  /** The `check` of the tabs that this hub serves, from the first hub on. */
  let check: string | undefined
  /** Epochs that ended by a sign-out: a tab that slept through it must not bring the session back. */
  const signedOut = new Set<string>()
  /** Pipes of tabs that were sent to the owner, and are told when this hub leads. */
  const standby = new Set<StandbyPipe>()

  function campaign(): void {
    const candidacy = new AbortController()
    log.add('hub', 'campaigning')
    const result = elector
      .campaign(candidacy.signal)
      .then(({ lost }) => lead(candidacy, lost))
      .catch(() => resign(candidacy))
    state = { name: 'campaigning', candidacy, result }
  }

  function lead(candidacy: AbortController, lost: AbortSignal): void {
    if (candidacy.signal.aborted) return
    log.add('hub', 'leading')
    lost.addEventListener('abort', () => resign(candidacy, 'another hub leads'))
    state = {
      name: 'leading',
      candidacy,
      followers: listenForFollowers({ environment, key, owner: name, connect: (pipe) => connect(pipe, false) }),
      cancelTimeout: timers.after(UNUSED_LEADERSHIP_MS, () => resign(candidacy)),
    }
    promoteStandby()
  }

  function promoteStandby(): void {
    for (const pipe of standby) pipe.promote()
    standby.clear()
  }

  /** Ends a candidacy and whatever came of it. */
  function resign(candidacy: AbortController, reason?: string): void {
    if (state.name === 'idle' || state.candidacy !== candidacy) return
    const former = state
    state = { name: 'idle' }
    if (former.name === 'leading') former.cancelTimeout()
    // The hub's last message goes over the followers' pipes.
    if (former.name === 'serving') former.hub.close('this hub no longer owns the socket')
    if (former.name !== 'campaigning') former.followers.close()
    candidacy.abort()
    log = createHubLog(clock.monotonic)
    log.add('hub', 'ended', { reason })
  }

  const server: PipeServer = {
    name,
    refusalOf({ check: theirs, since, settings }) {
      const transport = settings?.transport
      if (transport !== undefined && knows?.(transport) === false) return unknownTransport(transport)
      if (check !== undefined && check !== theirs) {
        return { ok: false, code: 'wrong-hub', message: 'this hub belongs to another endpoint or identity' }
      }
      if (since.epoch !== undefined && signedOut.has(since.epoch)) {
        return { ok: false, code: 'signed-out', message: 'signed out in a tab of this browser' }
      }
      return undefined
    },
    async campaign() {
      if (state.name === 'idle') campaign()
      if (state.name !== 'campaigning') return
      const ms = locks ? CAMPAIGN_TIMEOUT_MS.locks : CAMPAIGN_TIMEOUT_MS.heartbeats
      await withTimeout(timers.after, ms, state.result).catch(() => undefined)
    },
    hubFor: ({ settings, check: theirs }, isTrusted) => {
      // Settings decide where credentials go: another tab's are not taken from a channel.
      if (state.name === 'leading' && isTrusted && settings) {
        const { candidacy, followers } = state
        check = theirs
        state.cancelTimeout()
        const onEnd = (reason: string) => resign(candidacy, reason)
        const hub = createHub({
          environment,
          key,
          host,
          settings,
          openTransport: open,
          batchTimer,
          log,
          wasRefused: hasHandedOver(environment, key),
          mayHandOver: () => mayHandOver(environment, key),
          onEnd,
        })
        state = { name: 'serving', candidacy, followers, hub }
        promoteStandby()
      }
      return server.hub()
    },
    hub: () => (state.name === 'serving' ? state.hub : undefined),
    addStandby: (pipe) => void standby.add(pipe),
    removeStandby(pipe) {
      if (standby.delete(pipe) && standby.size === 0 && state.name === 'campaigning') resign(state.candidacy)
    },
    signOut() {
      const hub = server.hub()
      if (hub) signedOut.add(hub.epoch)
      hub?.signOut()
    },
  }

  const connect = (endpoint: Endpoint, isTrusted: boolean) => serveTabPipe({ environment, endpoint, isTrusted, server })
  return {
    connect: (endpoint) => connect(endpoint, true),
    close() {
      if (state.name !== 'idle') resign(state.candidacy)
    },
  }
}

const unknownTransport = (name: string): ReturnType<PipeServer['refusalOf']> => ({
  ok: false,
  code: 'unknown-transport',
  message: `the worker knows no transport '${name}': give \`worker\` an entry that calls serveWorker({ transports }) with it`,
})

interface Handovers {
  readonly key: string
  readonly at: number
  readonly count: number
}

/** By page or worker, which outlives its servers: each takeover makes a new one. */
const handovers = new WeakMap<object, Handovers>()

/** Hubs that all fail must not hand the connection to and fro: each of them would begin with its quickest attempts. */
export function mayHandOver(environment: Pick<HubEnvironment, 'clock'>, key: string): boolean {
  const now = environment.clock.monotonic()
  const { first, max } = HANDOVER_INTERVAL_MS
  const last = handovers.get(environment)
  const sinceMs = last?.key === key ? now - last.at : Number.POSITIVE_INFINITY
  const before = last && sinceMs < 2 * max ? last.count : 0
  const doublings = Math.min(10, Math.max(0, before - MAX_QUICK_HANDOVERS))
  if (before > 0 && sinceMs < Math.min(max, first * 2 ** doublings)) return false
  handovers.set(environment, { key, at: now, count: before + 1 })
  return true
}

/** This page has had its turn, and in vain: it makes one attempt at a time, not as many as it takes to be sure. */
function hasHandedOver(environment: Pick<HubEnvironment, 'clock'>, key: string): boolean {
  const last = handovers.get(environment)
  return last?.key === key && environment.clock.monotonic() - last.at < HANDOVER_MEMORY_MS
}

interface FollowerListener {
  close(): void
}

export interface FollowerListenerOptions {
  readonly environment: Pick<HubEnvironment, 'openChannel'>
  readonly key: string
  /** The owner's name on the channels. */
  readonly owner: string
  /** A follower has a pipe. Gives the way to end it. */
  readonly connect: (endpoint: Endpoint) => () => void
}

/** Lets tabs without a port connect to the owner: they send a connect request, and get a channel as a pipe. */
export function listenForFollowers({ environment, key, owner, connect }: FollowerListenerOptions): FollowerListener {
  const { openChannel } = environment
  if (!openChannel) return { close: () => undefined }
  const discovery = openChannel(discoveryChannelOf(key))
  /** The way to end each. */
  const pipes = new Map<string, () => void>()

  const stop = listen(discovery, (data) => {
    if (!isDiscoveryMessage(data, key) || data.kind !== 'connect-request') return
    const name = `${data.reply}/pipe/${owner}`
    if (!pipes.has(name)) {
      pipes.set(name, connect(overChannel(openChannel(name), () => pipes.delete(name))))
    }
    postOnce(openChannel, data.reply, { kind: 'connect-response', owner, pipe: name })
  })
  // Only now: a tab whose request came before the channel was open sends it again.
  postOnce(openChannel, key, { kind: 'elected', owner })

  return {
    close() {
      stop()
      discovery.close()
      for (const end of [...pipes.values()]) end()
    },
  }
}
