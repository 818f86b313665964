import type { HubEnvironment, WebSocketSlice } from '../platform/environment.js'
import { messageOf } from '../util/errors.js'
import { RESERVED } from '../wire/protocol.js'
import { type BadFrame, readFrame, writeFrame } from './frame.js'
import type { OpenTransport } from './transport.js'

/** How long (ms) the server may take to open a connection, and again to answer the credentials. */
const PATIENCE = 10_000
/** After this much silence (ms) the server is asked for a sign of life, and has so long to give it. */
const SILENCE = 25_000
const ANSWER = 10_000
/** Between attempts (ms): with full jitter, from nothing to twice as long. The names are those of Socket.IO's options. */
const DEFAULTS = { reconnectionDelay: 1_000, reconnectionDelayMax: 10_000, limit: 65_536 }
/** Close codes by which a server says no. */
const NO: readonly number[] = [4401, 4403]

const AUTH = `${RESERVED}:auth`
const PING = `${RESERVED}:ping`
const PONG = `${RESERVED}:pong`

export type WebSocketPowers = Pick<HubEnvironment, 'timers' | 'random' | 'openWebSocket'>

/**
 * Plain WebSocket with JSON frames as a transport, for servers without Socket.IO: the wire is in docs/websocket.md. `socket`
 * of the settings may hold `reconnectionDelay`, `reconnectionDelayMax` (ms) and `limit` (characters of a frame).
 */
export function webSocketTransport({ openWebSocket, timers, random }: WebSocketPowers): OpenTransport {
  return (settings, handlers) => {
    const options = { ...DEFAULTS, ...(settings.socket as Partial<typeof DEFAULTS>) }
    const url = settings.url.replace(/^http/, 'ws')
    const bad = new Map<BadFrame, number>()
    let failures = 0
    let waiting: (() => void) | undefined
    /** Ends what there is, unheard. */
    let drop = (): void => undefined
    let current: ReturnType<typeof attempt> | undefined

    function end(): void {
      waiting?.()
      waiting = undefined
      drop()
      current = undefined
    }

    function connect(): void {
      end()
      try {
        current = attempt(openWebSocket(url))
      } catch (thrown) {
        // An address that is none, or one that the page's policy forbids.
        handlers.onTrouble(messageOf(thrown))
        tryLater()
      }
    }

    function tryLater(): void {
      const delay = Math.min(options.reconnectionDelayMax, options.reconnectionDelay * 2 ** failures++)
      waiting = timers.after(delay * 2 * random(), connect)
    }

    /** One connection, from its opening to its end. */
    function attempt(socket: WebSocketSlice) {
      let up = false
      let over = false
      let timer: (() => void) | undefined
      const probes = new Set<() => void>()
      const renewals: ((answer: 'accepted' | 'refused') => void)[] = []

      drop = () => {
        over = true
        timer?.()
        socket.close()
      }
      const expect = (ms: number, otherwise: () => void) => {
        timer?.()
        timer = timers.after(ms, otherwise)
      }
      const lose = (reason: string) => {
        end()
        // Before it says so: whoever hears of it may want to reconnect at once.
        tryLater()
        if (up) handlers.onDown(reason)
        else handlers.onTrouble(reason)
      }
      const refuse = (reason: string) => {
        end()
        handlers.onRefused(reason)
      }
      const send = (event: string, metadata?: object) => {
        if (!over) socket.send(writeFrame({ event, ...(metadata && { metadata }) }))
      }
      const ping = () => {
        send(PING)
        expect(ANSWER, () => lose('the server did not answer'))
      }

      async function introduce(): Promise<void> {
        timer?.()
        try {
          const credentials = await handlers.auth()
          if (over) return
          send(AUTH, credentials ?? {})
          expect(PATIENCE, () => lose('the server did not answer the credentials'))
        } catch (thrown) {
          if (over) return
          end()
          handlers.onNoCredentials(messageOf(thrown))
        }
      }

      /** The server's answer to credentials, the first ones or renewed ones. */
      function judge(metadata: Verdict): void {
        const { ok, message } = metadata
        const renewal = up && renewals.shift()
        if (renewal) renewal(ok === true ? 'accepted' : 'refused')
        else if (up && ok === true) return
        else if (ok === true) {
          up = true
          failures = 0
          handlers.onUp(false)
        } else refuse(typeof message === 'string' ? message : 'the server refused the credentials')
      }

      function hear(data: unknown): void {
        const frame = readFrame(data, options.limit)
        if (typeof frame === 'string') {
          const count = (bad.get(frame) ?? 0) + 1
          bad.set(frame, count)
          if (/^10*$/.test(String(count))) handlers.onBadFrame(frame, count)
          return
        }
        const { event, metadata } = frame
        if (event === RESERVED && isVerdict(metadata)) judge(metadata)
        else if (event === PONG) {
          for (const alive of probes) alive()
          probes.clear()
        }
        // Reserved events that are not known yet are for newer clients.
        else if (event === RESERVED || !event.startsWith(`${RESERVED}:`)) handlers.onEvent(event, metadata)
      }

      socket.binaryType = 'arraybuffer'
      expect(PATIENCE, () => lose('the server did not open the connection'))
      socket.onopen = () => {
        if (!over) void introduce()
      }
      socket.onmessage = ({ data }) => {
        if (over) return
        hear(data)
        if (up && !over) expect(SILENCE, ping)
      }
      // It says nothing that `onclose` does not; but in Node it has to be heard.
      socket.onerror = () => undefined
      socket.onclose = ({ code, reason }) => {
        if (over) return
        if (NO.includes(code)) refuse(reason || 'the server refused the credentials')
        else lose(reason || `the connection was closed (${code})`)
      }

      return {
        probe: () =>
          new Promise<void>((resolve) => {
            if (!up) return
            probes.add(resolve)
            send(PING)
          }),
        renew: (credentials: object) =>
          new Promise<'accepted' | 'refused'>((resolve) => {
            if (!up) return
            renewals.push(resolve)
            send(AUTH, credentials)
          }),
        send: (event: string, metadata: object) => {
          if (up) send(event, metadata)
        },
      }
    }

    const never = <T>() => new Promise<T>(() => undefined)
    return {
      connect: () => {
        if (!current && !waiting) connect()
      },
      reconnect: connect,
      probe: () => current?.probe() ?? never(),
      renew: (credentials) => current?.renew(credentials) ?? never(),
      send: (event, metadata) => current?.send(event, metadata),
      close: end,
    }
  }
}

interface Verdict {
  readonly ok?: unknown
  readonly message?: unknown
}

/** What is said of a topic is no verdict on the connection. */
const isVerdict = (metadata: unknown): metadata is Verdict =>
  typeof metadata === 'object' && metadata !== null && 'ok' in metadata && !('topic' in metadata)
