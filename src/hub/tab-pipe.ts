import { expose } from 'comlink'
import type { HubEnvironment } from '../platform/environment.js'
import { whenLockIsFree } from '../platform/locks.js'
import { type Endpoint, listen } from '../wire/endpoint.js'
import type { HubCalls } from '../wire/hub-calls.js'
import { type Hello, isMetadata, NOT_CONNECTED, PROTOCOL, type TabMessage, type Welcome } from '../wire/protocol.js'
import type { Hub } from './hub.js'

/** A pipe over a channel whose tab does not attach is closed after this long: nothing else would tell that the tab is gone. */
const UNUSED_PIPE_MS = 5_000
/** When the hub ended while a tab attached, the tab attaches to the next one after this long. */
const ENDED_HUB_PAUSE_MS = 100

/** What a pipe needs of the hub server at its end. */
export interface PipeServer {
  /** The name of this hub's owner on the channels. */
  readonly name: string
  /** Why this hub does not serve the tab; undefined when it does. */
  refusalOf(hello: Hello): Refused | undefined
  /** Campaigns if need be. Resolves with the result, or after a short wait without one. */
  campaign(): Promise<void>
  /** The hub, made now if there is none and the tab is trusted; undefined while this one does not lead. */
  hubFor(hello: Hello, isTrusted: boolean): Hub | undefined
  /** The hub, if there is one. */
  hub(): Hub | undefined
  /** The pipe's tab waits for this hub to lead. */
  addStandby(pipe: StandbyPipe): void
  /** It does not any more: without such tabs the campaign ends. */
  removeStandby(pipe: StandbyPipe): void
  signOut(): void
}

export interface StandbyPipe {
  /** This hub leads now. */
  promote(): void
}

export interface TabPipeOptions {
  readonly environment: Pick<HubEnvironment, 'timers' | 'locks'>
  readonly endpoint: Endpoint
  /** Only this browser's own tab can be at the other end. No other tab is asked for credentials. */
  readonly isTrusted: boolean
  readonly server: PipeServer
}

type PipeState =
  /** The tab is to attach. */
  | { readonly name: 'waiting'; cancelTimeout(): void }
  | { readonly name: 'attaching'; readonly tab: string }
  /** Another hub owns the connection. `gone` ends the wait for the tab's lock. */
  | { readonly name: 'standby'; readonly tab: string; readonly gone: AbortController }
  /** The hub looks after the tab, and closes the pipe when it is gone. */
  | { readonly name: 'attached'; readonly tab: string }
  | { readonly name: 'left' }

type Refused = Extract<Welcome, { ok: false }>
const STANDBY: Refused = { ok: false, code: 'standby', message: 'another hub of this browser owns the socket' }
const WRONG_PROTOCOL: Refused = {
  ok: false,
  code: 'protocol-mismatch',
  message: `this hub speaks protocol ${PROTOCOL}`,
}

/** Serves the tab at the other end of a pipe: its calls and its messages. Gives the way to end that. */
export function serveTabPipe({ environment, endpoint, isTrusted, server }: TabPipeOptions): () => void {
  const { timers, locks } = environment
  let state: PipeState = waiting()
  const tab = () => ('tab' in state ? state.tab : '')
  const hasLeft = () => state.name === 'left'
  const attachedTo = () => (state.name === 'attached' ? server.hub() : undefined)

  const pipe: StandbyPipe = {
    promote() {
      if (state.name !== 'standby') return
      enter(waiting())
      endpoint.postMessage({ kind: 'promoted' })
    },
  }

  function waiting(): PipeState {
    return { name: 'waiting', cancelTimeout: isTrusted ? () => undefined : timers.after(UNUSED_PIPE_MS, leave) }
  }

  function enter(next: PipeState): void {
    if (state.name === 'waiting') state.cancelTimeout()
    if (state.name === 'standby') state.gone.abort()
    state = next
  }

  function standBy({ tab, lock }: Hello): void {
    server.addStandby(pipe)
    // It has left while the result was awaited: the campaign may be nobody's any more.
    if (state.name === 'left') {
      server.removeStandby(pipe)
      return
    }
    const gone = new AbortController()
    enter({ name: 'standby', tab, gone })
    if (lock && locks) whenLockIsFree(locks, lock, gone.signal, leave)
  }

  /** The one end of every state: a pipe over a channel is to be closed here too; at a port nobody is left to receive. */
  function leave(): void {
    enter({ name: 'left' })
    server.removeStandby(pipe)
    if (!isTrusted) endpoint.close()
  }

  const calls: HubCalls = {
    async attach(hello) {
      for (;;) {
        const refusal = isHello(hello) && hello.protocol === PROTOCOL ? server.refusalOf(hello) : WRONG_PROTOCOL
        if (refusal) {
          if (state.name === 'attaching') enter(waiting())
          return refusal
        }
        if (!hasLeft()) enter({ name: 'attaching', tab: hello.tab })
        await server.campaign()
        const hub = server.hubFor(hello, isTrusted)
        if (!hub) {
          standBy(hello)
          return STANDBY
        }
        const welcome = await hub.attach(endpoint, hello, isTrusted)
        if (hasLeft()) server.hub()?.detach(hello.tab, endpoint, 'closed')
        else if (welcome) enter({ name: 'attached', tab: hello.tab })
        if (welcome) return welcome.ok ? { ...welcome, owner: server.name } : welcome
        // The hub has ended meanwhile, and there may be another one. Never without a pause: that one may end as soon.
        await new Promise<void>((resolve) => void timers.after(ENDED_HUB_PAUSE_MS, resolve))
        if (hasLeft()) return STANDBY
      }
    },
    subscribe: (...subscriptions) => server.hub()?.subscribe(tab(), ...subscriptions),
    nudge: (why) => server.hub()?.nudge(why, tab()),
    ping: () => server.hub()?.ping(tab()) ?? false,
    send: (...send) => attachedTo()?.send(tab(), ...send) ?? NOT_CONNECTED,
    signOut: server.signOut,
    inspect: (after) => attachedTo()?.inspect(after),
    simulate: (simulation) => attachedTo()?.simulate(simulation) ?? false,
  }
  expose(calls, endpoint as Parameters<typeof expose>[1])
  listen(endpoint, (data) => {
    if (!isTabMessage(data)) return
    const hub = server.hub()
    if (data.kind === 'multicast-joined') return hub?.multicastJoined(tab(), endpoint)
    if (data.kind === 'credentials') return hub?.credentials(data.request, data.answer)
    if (data.kind === 'description') return hub?.describe(tab(), { title: data.title, isVisible: data.isVisible })
    if (data.kind === 'hidden') return hub?.hidden(tab())
    const leaving = tab()
    const why = data.release === true ? 'released' : data.park === true ? 'parked' : 'closed'
    leave()
    hub?.detach(leaving, endpoint, why, data.seq)
  })
  return leave
}

// The guards of what a tab sends stand here and not in the wire's own file, so that no page loads them.

const isStrings = (value: unknown): boolean => Array.isArray(value) && value.every((one) => typeof one === 'string')

export function isTabMessage(data: unknown): data is TabMessage {
  if (!isMetadata(data)) return false
  const { kind, request, answer, title, isVisible } = data
  if (kind === 'credentials')
    return typeof request === 'number' && isMetadata(answer) && typeof answer['ok'] === 'boolean'
  if (kind === 'description') return typeof title === 'string' && typeof isVisible === 'boolean'
  if (kind === 'detach') return data['seq'] === undefined || typeof data['seq'] === 'number'
  return kind === 'hidden' || kind === 'multicast-joined'
}

/** Tells a well-formed attach from what an older, newer or foreign script may send. */
export function isHello(value: unknown): value is Hello {
  if (!isMetadata(value)) return false
  const { protocol, tab, settings, check, events, since, topics = [], oneTab } = value
  return (
    typeof protocol === 'number' &&
    typeof tab === 'string' &&
    isStrings(events) &&
    isStrings(topics) &&
    isMetadata(since) &&
    isAge(since['ageMs']) &&
    typeof check === 'string' &&
    (oneTab === undefined || (isMetadata(oneTab) && Array.isArray(oneTab['names']) && isAge(oneTab['hiddenForMs']))) &&
    (settings === undefined || isSettings(settings))
  )
}

const isAge = (value: unknown): boolean => typeof value === 'number' && value >= 0

const isSettings = (value: unknown): boolean =>
  isMetadata(value) &&
  (value['envelope'] === undefined || isEnvelopeOption(value['envelope'])) &&
  typeof value['url'] === 'string' &&
  typeof value['identity'] === 'string' &&
  typeof value['lingerMs'] === 'number' &&
  typeof value['authTimeoutMs'] === 'number' &&
  isMetadata(value['socket'])

const isEnvelopeOption = (value: unknown): boolean =>
  isMetadata(value) && isStrings([value['on'], value['event'], value['metadata'] ?? ''])
