import type { HubEnvironment } from '../platform/environment.js'
import type { Transport } from '../transport/transport.js'
import { messageOf } from '../util/errors.js'
import { isMetadata, NOT_CONNECTED, RESERVED, type SendAnswer, type SendErrorCode } from '../wire/protocol.js'
import type { AttachedTab, TabRegistry } from './tab-registry.js'

/** What one tab may send in a second; what all tabs together may, and how much of that may wait for an acknowledgement. */
export const SEND_LIMITS = { tab: 100, hub: 500 }
/** For the server's word. A gap in between, which is no such word, may have ended the hub's other waits. */
const MAX_WORD_WAIT_MS = 2_000
/** Names that Socket.IO refuses to send, by throwing. */
const SOCKET_IO_NAMES = 'connect connect_error disconnect disconnecting newListener removeListener'.split(' ')

interface HubSendsOptions {
  readonly environment: Pick<HubEnvironment, 'timers' | 'clock'>
  readonly tabs: Pick<TabRegistry, 'get'>
  /** The transport, while it is connected. */
  readonly speaker: () => Pick<Transport, 'ask' | 'tell'> | undefined
}

/** What is to be acknowledged. Without an answer it is forgotten: its tab has gone. */
interface OpenSend {
  readonly tab: AttachedTab
  hasLeft: boolean
  leave(): void
  settle(answer?: SendAnswer): void
}

/**
 * Sends what tabs want to send, over the connection there is or not at all. By the server's first message, a new
 * connection may turn out to be somebody else's. So events wait for that message, for as long as the hub does.
 */
export function createHubSends({ environment, tabs, speaker }: HubSendsOptions) {
  const { timers, clock } = environment
  const open = new Set<OpenSend>()
  const rate = createRate(clock.monotonic)
  /** The server has said that the present connection is this identity's, or says nothing of that. */
  let isVouched = false
  let cancelWait = (): void => undefined

  function ask(tab: AttachedTab, by: () => Promise<unknown>, timeoutMs: number): Promise<SendAnswer> {
    return new Promise((resolve) => {
      const cancel = timers.after(timeoutMs, () => own.settle(TIMED_OUT))
      const own: OpenSend = {
        tab,
        hasLeft: false,
        leave() {
          own.hasLeft = true
          by().then(
            (answer) => own.settle(readAnswer(answer)),
            (thrown: unknown) => own.settle(notSent('connection-lost', messageOf(thrown))),
          )
        },
        settle(answer) {
          cancel()
          if (open.delete(own) && answer) resolve(answer)
        },
      }
      open.add(own)
      if (isVouched) own.leave()
    })
  }

  function vouched(): void {
    cancelWait()
    isVouched = true
    for (const one of open) if (!one.hasLeft) one.leave()
  }

  return {
    /** Undefined `timeoutMs`: nobody waits for an acknowledgement, so it waits for nothing. */
    send(tabId: string, event: unknown, text: unknown, timeoutMs: unknown): SendAnswer | Promise<SendAnswer> {
      const data = dataOf(event, text)
      if ('ok' in data) return data
      const tab = tabs.get(tabId)
      const transport = speaker()
      if (!tab || !transport) return NOT_CONNECTED
      const isAsked = typeof timeoutMs === 'number'
      if (!transport[isAsked ? 'ask' : 'tell']) return isAsked ? NO_ANSWERS : NO_SENDING
      if (open.size >= SEND_LIMITS.hub || !rate.admit(tab)) return TOO_MANY
      const name = event as string
      const value = isMetadata(data.value) ? { ...data.value, [RESERVED]: { tab: tab.id } } : data.value
      if (isAsked) return ask(tab, async () => transport.ask?.(name, value, timeoutMs), timeoutMs)
      if (isVouched) transport.tell?.(name, value)
      return { ok: true }
    },
    up(): void {
      isVouched = false
      cancelWait()
      cancelWait = timers.after(MAX_WORD_WAIT_MS, vouched)
    },
    /** It is known whose connection it is. */
    vouched,
    down(): void {
      cancelWait()
      isVouched = false
      for (const one of open) one.settle(one.hasLeft ? LOST_ON_THE_WAY : NOT_CONNECTED)
    },
    /** Some tab has gone. An answer could evict its page from the back/forward cache. */
    tabLeft(): void {
      for (const one of open) if (one.tab.gone.signal.aborted) one.settle()
    },
    close(): void {
      cancelWait()
      for (const one of open) one.settle()
    },
  }
}

type SendFailure = Extract<SendAnswer, { ok: false }>

const notSent = (code: SendErrorCode, message: string): SendFailure => ({ ok: false, code, message })

const LOST_ON_THE_WAY = notSent('connection-lost', 'the connection was lost. The server may have it')
const TIMED_OUT = notSent('timed-out', 'the server has not acknowledged it in time. It may have it')
const TOO_MANY = notSent(
  'too-many',
  `a tab sends ${SEND_LIMITS.tab} in a second at most, and a browser ${SEND_LIMITS.hub}`,
)
const NO_SENDING = notSent('unsupported', 'this connection only receives')
const NO_ANSWERS = notSent('unsupported', 'this connection has no acknowledgements')

/** What a tab wants to send; a notSent where it can't be sent. Nothing reads as an object. */
function dataOf(event: unknown, text: unknown): { readonly value: unknown } | SendFailure {
  if (typeof event !== 'string' || event === '' || event.startsWith(RESERVED) || SOCKET_IO_NAMES.includes(event))
    return notSent('bad-send', `no event has this name: it is empty, or reserved`)
  try {
    return { value: text === undefined ? {} : JSON.parse(String(text)) }
  } catch {
    return notSent('bad-send', 'its data is no JSON')
  }
}

/** A server says no by `{ ok: false }`, in whatever it acknowledges with. */
function readAnswer(answer: unknown): SendAnswer {
  if (!isMetadata(answer) || answer['ok'] !== false) return { ok: true, data: answer }
  const { message } = answer
  return { ...notSent('rejected', typeof message === 'string' ? message : 'the server said no'), answer }
}

/** Counts by the second, for each tab and for all. */
function createRate(now: () => number) {
  let second = 0
  let all = 0
  let byTab = new WeakMap<AttachedTab, number>()
  return {
    admit(tab: AttachedTab): boolean {
      const current = Math.floor(now() / 1_000)
      if (current !== second) {
        second = current
        all = 0
        byTab = new WeakMap()
      }
      const own = (byTab.get(tab) ?? 0) + 1
      byTab.set(tab, own)
      return own <= SEND_LIMITS.tab && ++all <= SEND_LIMITS.hub
    },
  }
}
