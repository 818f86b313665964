/** The Pusher protocol as a transport, through pusher-js: for Pusher Channels, Laravel Reverb, Soketi. */
import type { OpenTransport, ServerRefusal, TransportHandlers, TransportSettings } from 'partyline'
// It needs no page. In a tab it does the same as in a worker.
import Pusher from 'pusher-js/worker'

/** pusher-js says of a connection that can't be opened no more than that it takes too long. */
const OPEN_TIMEOUT_MS = 5_000
const SUBSCRIBE_TIMEOUT_MS = 10_000

/** `socket` of `createPartyline`, for this transport. */
interface PusherSettings {
  /** The key of your app. It is no secret. */
  readonly key?: string
  /** @default '/broadcasting/auth' */
  readonly authEndpoint?: string
}

type Message = { readonly event: string; readonly data: unknown }

/** From the beginning of an attempt to the end of its connection. */
interface Attempt {
  isUp: boolean
  token?: unknown
  /** What the server said last before it closed. */
  error?: { readonly code?: number; readonly message?: string }
  /** Why channels were refused, or could not be judged. */
  readonly refusals: Map<string, ServerRefusal | Error>
}

export const openPusher: OpenTransport = (settings, handlers) => {
  let pusher: Pusher | undefined
  let current: Attempt | undefined
  let probes: (() => void)[] = []

  /** Without a report. */
  function end(): void {
    current = undefined
    probes = []
    pusher?.disconnect()
    for (const { name } of pusher?.allChannels() ?? []) pusher?.unsubscribe(name)
  }

  function fail(attempt: Attempt, reason: string): void {
    if (attempt !== current) return
    end()
    if (attempt.isUp) handlers.onDown(reason)
    else handlers.onAttemptFailed(reason)
  }

  function refuse(attempt: Attempt, refusal: ServerRefusal): void {
    if (attempt !== current) return
    end()
    handlers.onRefused(refusal)
  }

  /** The connection has ended, and pusher-js would try again. */
  function lose(): void {
    if (!current) return
    const { code = 0, message = 'the connection was lost' } = current.error ?? {}
    // The server wants no one back at once.
    if (code >= 4100 && code < 4200) handlers.onRetryAfter(1_000)
    fail(current, message)
  }

  /** pusher-js would not try again: by a code from 4000 to 4099, or one that it does not know. */
  function giveUp(): void {
    if (current) refuse(current, refusalOf(current.error?.message || 'the server refused the connection'))
  }

  /** Resolves when the server listens for this client, or to the reason why not. Rejects when it can't tell now. */
  const subscribe = (attempt: Attempt, name: string) =>
    new Promise<true | ServerRefusal>((resolve, reject) => {
      const channel = pusher?.subscribe(name)
      if (!channel || channel.subscribed) return resolve(true)
      const settle = (run: () => void) => () => {
        channel.unbind('pusher:subscription_succeeded', succeeded).unbind('pusher:subscription_error', failed)
        run()
      }
      const succeeded = settle(() => resolve(true))
      const failed = settle(() => {
        pusher?.unsubscribe(name)
        const refusal = attempt.refusals.get(name) ?? refusalOf('the server refused the channel')
        if (refusal instanceof Error) reject(refusal)
        else resolve(refusal)
      })
      channel.bind('pusher:subscription_succeeded', succeeded).bind('pusher:subscription_error', failed)
    })

  async function enter(attempt: Attempt): Promise<void> {
    try {
      attempt.token = (await handlers.auth())?.['token']
    } catch (thrown) {
      if (attempt !== current) return
      end()
      return handlers.onNoCredentials(String(Object(thrown).message))
    }
    if (attempt !== current) return
    const timer = setTimeout(() => fail(attempt, 'the server did not answer the subscription'), SUBSCRIBE_TIMEOUT_MS)
    try {
      // The name says whose channel it is: the endpoint compares it with whom the credentials belong to.
      const outcome = await subscribe(attempt, `private-user.${settings.identity}`)
      if (attempt !== current) return
      if (outcome !== true) return refuse(attempt, outcome)
      attempt.isUp = true
      handlers.onUp(false)
    } catch (thrown) {
      fail(attempt, String(Object(thrown).message))
    } finally {
      clearTimeout(timer)
    }
  }

  function open(): Pusher {
    const opened = new Pusher((settings.socket as PusherSettings).key ?? '', {
      ...optionsOf(settings),
      channelAuthorization: {
        // Both are for a handler of pusher-js's own.
        endpoint: '',
        transport: 'ajax',
        customHandler: async ({ channelName, socketId }, callback) => {
          const attempt = current
          if (!attempt) return
          const answer = await authorize(settings, attempt.token, channelName, socketId)
          if (attempt !== current) return
          if ('auth' in answer) return callback(null, answer)
          attempt.refusals.set(channelName, answer)
          callback(new Error('refused'), null)
        },
      },
    })
    const manager = opened.connection
    // All that pusher-js tries by itself goes through this method, and its timers can't be called off from outside.
    const inner = manager as unknown as { retryIn(): void }
    if (typeof inner.retryIn !== 'function') throw new Error('this version of pusher-js is not known')
    inner.retryIn = lose
    manager.bind('connected', () => current && void enter(current))
    manager.bind('unavailable', () => current && fail(current, 'the server could not be reached'))
    manager.bind('disconnected', giveUp)
    manager.bind('error', ({ type, data, error }: { type?: string; data?: object; error?: { data?: object } }) => {
      if (!current) return
      if (type === 'MessageParseError') return handlers.onBadFrame('a message that is no JSON')
      current.error = { ...data, ...error?.data }
      // Reverb says so without closing the connection.
      if (current.error.code === 4009 && !current.isUp) giveUp()
      if (type === 'HandshakeError') fail(current, 'the server does not speak the Pusher protocol')
    })
    manager.bind('message', (message: Message) => current?.isUp && take(message, handlers))
    manager.bind('message', ({ event }: Message) => {
      if (event === 'pusher:pong') for (const answered of probes.splice(0)) answered()
    })
    return opened
  }

  function attempt(): void {
    end()
    current = { isUp: false, refusals: new Map() }
    // A new one connects by itself.
    if (pusher) pusher.connect()
    else pusher = open()
    if (pusher.connection.state === 'failed') fail(current, 'this browser has no such connections')
  }

  return {
    connect: () => void (current ?? attempt()),
    reconnect: attempt,
    disconnect: end,
    probe: () =>
      new Promise((resolve) => {
        if (!current?.isUp) return
        probes.push(resolve)
        pusher?.send_event('pusher:ping', {})
      }),
    async join(topic) {
      if (!current?.isUp) throw new Error('there is no connection')
      const outcome = await subscribe(current, `private-${topic}`)
      return outcome === true || outcome.reason
    },
    leave: (topic) => pusher?.unsubscribe(`private-${topic}`),
    close() {
      end()
      Pusher.instances = Pusher.instances.filter((one) => one !== pusher)
    },
  }
}

function take({ event, data }: Message, handlers: TransportHandlers): void {
  handlers.onAlive()
  if (!/^pusher(_internal)?:/.test(event)) handlers.onEvent(event, data)
}

const refusalOf = (reason: string, { final, code }: { final?: unknown; code?: unknown } = {}): ServerRefusal => ({
  reason,
  final: final === true,
  isWrongIdentity: code === 'wrong-identity',
})

function optionsOf({ url }: TransportSettings) {
  const { hostname, port, protocol, pathname } = new URL(url)
  const isSecure = protocol === 'https:'
  return {
    // It is required, and not used where the host is given.
    cluster: '',
    wsHost: hostname,
    wsPort: Number(port || 80),
    wssPort: Number(port || 443),
    wsPath: pathname.replace(/\/$/, ''),
    forceTLS: isSecure,
    // One only: of several, pusher-js tries more than one at a time.
    enabledTransports: [isSecure ? ('wss' as const) : ('ws' as const)],
    activityTimeout: 30_000,
    pongTimeout: 10_000,
    unavailableTimeout: OPEN_TIMEOUT_MS,
  }
}

/** Asks the app's endpoint whether this client may listen to a channel. */
async function authorize({ url, socket }: TransportSettings, token: unknown, channel: string, socketId: string) {
  try {
    const response = await fetch(new URL((socket as PusherSettings).authEndpoint ?? '/broadcasting/auth', url), {
      method: 'POST',
      headers: typeof token === 'string' ? { authorization: `Bearer ${token}` } : {},
      body: new URLSearchParams({ socket_id: socketId, channel_name: channel }),
      signal: AbortSignal.timeout(SUBSCRIBE_TIMEOUT_MS),
    })
    const said = await response.json().catch(() => ({}))
    if (response.ok) return said as { readonly auth: string }
    const reason = said?.message || `the endpoint answered ${response.status}`
    // 419: Laravel's session has ended.
    return [401, 403, 419].includes(response.status) ? refusalOf(reason, said) : new Error(reason)
  } catch (thrown) {
    return new Error(`the endpoint did not answer: ${Object(thrown).message}`)
  }
}
