import { expose } from 'comlink'
import { type Endpoint, listen } from '../endpoint.js'
import type { HubEnvironment } from '../environment-common.js'
import { type Hello, type HubCalls, isHello, isTabMessage, PROTOCOL, type Welcome } from '../protocol.js'
import type { OpenTransport } from '../transport/transport.js'
import { createHub, type Hub } from './hub.js'

type Refusal = Extract<Welcome, { ok: false }>

/** Answers at the door of a key: makes the hub for the first tab, and a new one after the last has ended. */
export function serveHub(environment: HubEnvironment, key: string, open: OpenTransport) {
  let hub: Hub | undefined
  let owner: { readonly url: string; readonly identity: string } | undefined
  /** Lives that ended by a sign-out: a tab that slept through it must not bring the session back. */
  const signedOut = new Set<string>()

  function refusalOf(hello: unknown): Refusal | undefined {
    if (!isHello(hello) || hello.protocol !== PROTOCOL) {
      return { ok: false, code: 'protocol-mismatch', message: `this hub speaks protocol ${PROTOCOL}` }
    }
    const { url, identity } = hello.settings
    // The key holds a hash of both. Should two ever collide, they must not share a socket.
    if (owner && (owner.url !== url || owner.identity !== identity)) {
      return { ok: false, code: 'wrong-hub', message: 'this hub belongs to another endpoint or identity' }
    }
    if (hello.since.epoch !== undefined && signedOut.has(hello.since.epoch)) {
      return { ok: false, code: 'signed-out', message: 'signed out in a tab of this browser' }
    }
    return undefined
  }

  function hubFor({ settings }: Hello): Hub {
    if (hub) return hub
    owner = { url: settings.url, identity: settings.identity }
    const made = createHub(environment, key, settings, open, () => {
      if (hub === made) hub = undefined
    })
    hub = made
    return made
  }

  return {
    /** Serves one tab at the other end of a pipe. */
    connect(endpoint: Endpoint): void {
      let tab = ''
      const calls: HubCalls = {
        async attach(hello) {
          for (;;) {
            const refusal = refusalOf(hello)
            if (refusal) return refusal
            tab = hello.tab
            const welcome = await hubFor(hello).attach(endpoint, hello)
            if (welcome) return welcome
          }
        },
        want: (events) => hub?.want(tab, events),
        credentials: (ask, answer) => hub?.credentials(ask, answer),
        nudge: (why) => hub?.nudge(why),
        ping: () => hub?.ping(tab) ?? false,
        signOut() {
          if (hub) signedOut.add(hub.epoch)
          hub?.signOut()
        },
      }
      expose(calls, endpoint as Parameters<typeof expose>[1])
      listen(endpoint, (data) => {
        if (isTabMessage(data)) hub?.detach(tab, endpoint, data.release === true)
      })
    },
  }
}
