import { createHub } from '../src/hub/hub.js'
import { deliverEvent } from '../src/transport/metadata.js'
import { readEvents } from '../src/wire/messages.js'
import { type CredentialsAnswer, type HubMessage, PROTOCOL, type Settings, type Welcome } from '../src/wire/protocol.js'
import type { Host } from '../src/wire/status.js'
import { createMemoryBrowser, createPipe } from './browser.js'
import { createFakeTransport } from './fake-transport.js'

export const KEY = 'partyline/v1/app/test'
export const SETTINGS: Settings = {
  url: 'https://api.example',
  identity: 'u1',
  socket: {},
  lingerMs: 5_000,
  authTimeoutMs: 1_000,
}

/** A hub over a server in memory, and tabs to attach to it. For a test runner's fake clock. */
export function setUpHub({
  webLocks = true,
  settings = SETTINGS,
  host = 'shared-worker' as Host,
  transport = createFakeTransport(),
} = {}) {
  const browser = createMemoryBrowser({ webLocks })
  let ended = 0
  const hub = createHub({
    environment: browser.tab().environment,
    key: KEY,
    host,
    settings,
    openTransport: transport.open,
    onEnd: () => ended++,
  })
  let tabs = 0

  async function attach(
    events: readonly string[],
    options: {
      since?: { epoch?: string; seq?: number; ageMs: number }
      /** Undefined: no answer. It may throw. */
      auth?: () => unknown
      expiresAt?: () => number | undefined
      trusted?: boolean
      topics?: readonly string[]
    } = {},
  ) {
    const tab = browser.tab()
    const id = `t${++tabs}`
    const { port1, port2 } = createPipe()
    const got: HubMessage[] = []
    port1.addEventListener('message', ({ data }) => {
      const message = data as HubMessage
      got.push(message)
      if (message.kind === 'credentials-request' && options.auth) {
        const answer = answerOf(options.auth, options.expiresAt?.())
        if (answer) hub.credentials(message.request, answer)
      }
    })
    const lock = `${KEY}/tab/${id}`
    const { locks } = tab.environment
    if (locks) void locks.request(lock, { signal: new AbortController().signal }, () => new Promise(() => undefined))
    const hello = {
      protocol: PROTOCOL,
      tab: id,
      settings,
      events,
      check: 'c',
      since: options.since ?? { ageMs: 0 },
      ...(options.topics && { topics: options.topics }),
      ...(locks && { lock }),
    }
    const attachAgain = () => hub.attach(port2, hello, options.trusted ?? true)
    const welcome = (await attachAgain()) as Extract<Welcome, { ok: true }>
    const of = <K extends HubMessage['kind']>(kind: K) =>
      got.filter((message) => message.kind === kind) as Extract<HubMessage, { kind: K }>[]
    return {
      id,
      welcome,
      attachAgain,
      got,
      of,
      batches: () => of('events').map((batch) => readEvents(batch.events)),
      use: (...topics: string[]) => hub.subscribe(id, events, topics),
      describe: (title: string, isVisible = true) => hub.describe(id, { title, isVisible }),
      joinMulticast: () => hub.multicastJoined(id, port2),
      detach: (why: 'closed' | 'released' | 'parked' = 'closed') => hub.detach(id, port2, why),
      crash: tab.crash,
    }
  }

  const server = {
    /** `quietForMs`: what the server says of that; 0: it does not know. */
    up: (recovered = false, quietForMs: number | 'silent' = 0) => {
      transport.last.handlers.onUp(recovered)
      if (quietForMs !== 'silent') server.emit('_line', { quietForMs })
    },
    ping: () => transport.last.handlers.onPing(),
    down: (reason = 'transport close') => transport.last.handlers.onDown(reason),
    emit: (name: string, metadata?: unknown) => deliverEvent(transport.last.handlers, name, metadata),
    refuse: (reason = 'bad token', { final = false, isWrongIdentity = false } = {}) =>
      transport.last.handlers.onRefused({ reason, final, isWrongIdentity }),
  }
  return { hub, browser, transport, ended: () => ended, attach, server }
}

function answerOf(auth: () => unknown, expiresAt: number | undefined): CredentialsAnswer | undefined {
  try {
    const token = auth()
    return token === undefined
      ? undefined
      : { ok: true, auth: { token }, ...(expiresAt !== undefined && { expiresAt }) }
  } catch {
    return { ok: false, message: 'auth failed' }
  }
}
