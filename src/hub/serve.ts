import { expose } from 'comlink'
import type { Elector } from '../election/elector.js'
import type { HubEnvironment } from '../platform/environment.js'
import { whenLockIsFree } from '../platform/locks.js'
import type { OpenTransport } from '../transport/transport.js'
import { type Endpoint, listen } from '../wire/endpoint.js'
import { type Hello, type HubCalls, PROTOCOL, type Refusal, type Welcome } from '../wire/protocol.js'
import type { Host } from '../wire/status.js'
import { listenForFollowers } from './follower-listener.js'
import { createHub, type Hub } from './hub.js'
import type { BatchTimer } from './outbox.js'
import { isHello, isTabMessage } from './tab-messages.js'

/** How long (ms) an attaching tab waits for this hub's election before it is sent to the owner: by lock, by heartbeats. */
const GRACE = { locks: 150, heartbeats: 1_000 }
/** An office that nobody makes use of is laid down after this long (ms). */
const IDLE = 5_000

export interface ServeOptions {
  readonly environment: HubEnvironment
  readonly key: string
  readonly host: Host
  readonly open: OpenTransport
  readonly elector: Elector
  /** Waits between the batches of a burst. Default: by a timer. */
  readonly batchTimer?: BatchTimer
}

/** Serves tabs at the other ends of their pipes. */
export interface Served {
  connect(endpoint: Endpoint): void
  /** Ends the hub, if there is one, and lays down the office. */
  close(): void
}

/**
 * Answers at the door of a key. It stands for office when the first tab comes, makes the hub once it is elected, and
 * stands by until then; when the hub has ended it lays down the office, and the next tab starts anew.
 */
export function serveHub({ environment, key, host, open, elector, batchTimer }: ServeOptions): Served {
  const { timers, locks } = environment
  const name = environment.id()
  let term: AbortController | undefined
  let elected: Promise<void> | undefined
  let office = false
  let hub: Hub | undefined
  let owned: { readonly url: string; readonly identity: string } | undefined
  let reception: { close(): void } | undefined
  /** Lives that ended by a sign-out: a tab that slept through it must not bring the session back. */
  const signedOut = new Set<string>()
  /** Tabs that were sent to the owner, and are to be called when this hub is it. */
  const waiting = new Map<Endpoint, AbortController>()

  const refuse = (code: Refusal, message: string): Welcome => ({ ok: false, code, message })

  function refusalOf(hello: unknown): Welcome | undefined {
    if (!isHello(hello) || hello.protocol !== PROTOCOL) {
      return refuse('protocol-mismatch', `this hub speaks protocol ${PROTOCOL}`)
    }
    const { url, identity } = hello.settings
    // The key holds a hash of both. Should two ever collide, they must not share a socket.
    if (owned && (owned.url !== url || owned.identity !== identity)) {
      return refuse('wrong-hub', 'this hub belongs to another endpoint or identity')
    }
    if (hello.since.epoch !== undefined && signedOut.has(hello.since.epoch)) {
      return refuse('signed-out', 'signed out in a tab of this browser')
    }
    return undefined
  }

  function stand(): void {
    if (term) return
    const mine = new AbortController()
    term = mine
    elected = elector.campaign(mine.signal).then(
      ({ lost }) => {
        if (mine.signal.aborted) return
        lost.addEventListener('abort', () => resign(mine))
        takeOffice(mine)
      },
      () => resign(mine),
    )
  }

  function takeOffice(mine: AbortController): void {
    office = true
    reception = listenForFollowers(environment, key, name, (pipe) => connect(pipe, false))
    for (const [endpoint, gone] of waiting) {
      gone.abort()
      endpoint.postMessage({ kind: 'promoted' })
    }
    waiting.clear()
    timers.after(IDLE, () => {
      if (!hub) resign(mine)
    })
  }

  function resign(mine: AbortController | undefined): void {
    if (!mine || term !== mine) return
    term = undefined
    office = false
    // The hub's last words go over the reception's pipes.
    hub?.close('this hub no longer owns the socket')
    reception?.close()
    hub = undefined
    mine.abort()
  }

  function hubFor({ settings }: Hello): Hub {
    if (hub) return hub
    owned = { url: settings.url, identity: settings.identity }
    const mine = term
    hub = createHub(environment, key, host, settings, open, () => resign(mine), batchTimer)
    return hub
  }

  function wait(endpoint: Endpoint, { lock }: Hello): void {
    const gone = new AbortController()
    waiting.get(endpoint)?.abort()
    waiting.set(endpoint, gone)
    if (lock && locks) whenLockIsFree(locks, lock, gone.signal, () => leave(endpoint))
  }

  /** Without a tab that waits for it, a hub has no business in the queue. */
  function leave(endpoint: Endpoint): void {
    waiting.get(endpoint)?.abort()
    if (waiting.delete(endpoint) && waiting.size === 0 && !office) resign(term)
  }

  /** `trusted`: a pipe that only this browser's own tab can be at the other end of. Credentials are asked of no other. */
  function connect(endpoint: Endpoint, trusted: boolean): void {
    let tab = ''
    let left = false
    /** A pipe whose tab knocked, and was gone before the door was open: no attachment will ever end it. */
    const hangUp = () => {
      if (!trusted && tab === '') endpoint.close()
    }
    const calls: HubCalls = {
      async attach(hello) {
        for (;;) {
          const refusal = refusalOf(hello)
          if (refusal) return refusal
          tab = hello.tab
          stand()
          if (!office)
            await Promise.race([
              elected,
              new Promise<void>((resolve) => timers.after(locks ? GRACE.locks : GRACE.heartbeats, resolve)),
            ])
          if (!office) {
            wait(endpoint, hello)
            return refuse('standby', 'another hub of this browser owns the socket')
          }
          const welcome = await hubFor(hello).attach(endpoint, hello, trusted)
          if (left) hub?.detach(tab, endpoint, false)
          if (welcome) return welcome.ok ? { ...welcome, owner: name } : welcome
        }
      },
      subscribe: (events, topics) => hub?.want(tab, events, topics),
      nudge: (why) => hub?.nudge(why),
      ping: () => hub?.ping(tab) ?? false,
      signOut() {
        if (hub) signedOut.add(hub.epoch)
        hub?.signOut()
      },
    }
    expose(calls, endpoint as Parameters<typeof expose>[1])
    listen(endpoint, (data) => {
      if (!isTabMessage(data)) return
      if (data.kind === 'multicast-joined') return hub?.multicastJoined(tab, endpoint)
      if (data.kind === 'credentials') return hub?.credentials(data.request, data.answer)
      left = true
      leave(endpoint)
      hub?.detach(tab, endpoint, data.release === true)
      if (tab === '') hangUp()
    })
    if (!trusted) timers.after(IDLE, hangUp)
  }

  return { connect: (endpoint) => connect(endpoint, true), close: () => resign(term) }
}
