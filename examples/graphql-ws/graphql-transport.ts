/** GraphQL subscriptions as a transport, through graphql-ws: one for the user's events, one for each topic. */
import { type Client, createClient, type FormattedExecutionResult } from 'graphql-ws/client'
import type { OpenTransport } from 'partyline'

const ANSWER_TIMEOUT_MS = 10_000
const PING_AFTER_MS = 25_000
/** Close codes by which a server says more than that the connection has ended. */
const UNAUTHORIZED = 4401
const FORBIDDEN = 4403
const WRONG_IDENTITY = 4410
/** What graphql-ws says where a server's `onConnect` returns false, whatever for. */
const SAYS_NOTHING = 'Forbidden'

const EVENTS = 'subscription { events { name metadata } }'
const TOPIC = 'subscription ($name: String!) { topic(name: $name) { name metadata } }'

interface GraphQlEvent {
  readonly name: string
  readonly metadata?: unknown
}
type Result = FormattedExecutionResult<Readonly<Record<string, GraphQlEvent>>, unknown>

/** From the beginning of an attempt to the end of its connection. */
interface Attempt {
  client: Client | undefined
  socket: WebSocket | undefined
  isUp: boolean
  probes: (() => void)[]
  timer: ReturnType<typeof setTimeout> | undefined
  readonly topics: Map<string, { readonly answer: Promise<true | string>; leave(): void }>
}

export const openGraphQl: OpenTransport = ({ url, identity }, handlers) => {
  let current: Attempt | undefined

  /** Ends an attempt without a report. False if it has ended before. */
  function end(attempt: Attempt | undefined): boolean {
    if (!attempt || attempt !== current) return false
    current = undefined
    clearTimeout(attempt.timer)
    attempt.client?.terminate()
    return true
  }

  function fail(attempt: Attempt, reason: string): void {
    if (!end(attempt)) return
    if (attempt.isUp) handlers.onDown(reason)
    else handlers.onAttemptFailed(reason)
  }

  function take(attempt: Attempt, { data, errors }: Result): void {
    if (attempt !== current) return
    const event = Object.values(data ?? {})[0]
    if (!event) handlers.onBadFrame(`a result without an event: ${errors?.[0]?.message}`)
    else handlers.onEvent(event.name, event.metadata)
  }

  function refuse(attempt: Attempt, reason: string, code?: number): void {
    if (!end(attempt)) return
    handlers.onRefused({
      reason,
      final: code === FORBIDDEN && reason !== SAYS_NOTHING,
      isWrongIdentity: code === WRONG_IDENTITY,
    })
  }

  function closed(attempt: Attempt, { code, reason }: { readonly code?: number; readonly reason?: string }): void {
    if (code === UNAUTHORIZED || code === FORBIDDEN || code === WRONG_IDENTITY)
      refuse(attempt, reason || 'the server refused the credentials', code)
    else fail(attempt, reason || `the connection was closed (${code})`)
  }

  /** The first event of a subscription: the server listens, and says for whom. What has changed before, tabs fetch. */
  function enter(attempt: Attempt, { data }: Result): void {
    const known = Object(Object.values(data ?? {})[0]?.metadata).identity
    if (known !== identity) return void refuse(attempt, 'the server has let somebody else in', WRONG_IDENTITY)
    clearTimeout(attempt.timer)
    attempt.isUp = true
    handlers.onUp(false)
  }

  function expectAnswer(attempt: Attempt): void {
    clearTimeout(attempt.timer)
    attempt.timer = setTimeout(() => fail(attempt, 'the server did not answer'), ANSWER_TIMEOUT_MS)
  }

  async function credentialsFor(attempt: Attempt) {
    // The hub bounds that itself.
    clearTimeout(attempt.timer)
    try {
      const credentials = { ...(await handlers.auth()) }
      if (attempt === current) expectAnswer(attempt)
      return credentials
    } catch (thrown) {
      if (end(attempt)) handlers.onNoCredentials(String(Object(thrown).message))
      throw thrown
    }
  }

  function listen(attempt: Attempt, client: Client): void {
    client.subscribe<Readonly<Record<string, GraphQlEvent>>>(
      { query: EVENTS },
      {
        next(result) {
          if (attempt !== current) return
          if (attempt.isUp) take(attempt, result)
          else enter(attempt, result)
        },
        error: (errors) => fail(attempt, messageIn(errors)),
        complete: () => fail(attempt, 'the server has ended the subscription'),
      },
    )
  }

  function begin(): void {
    end(current)
    const attempt: Attempt = {
      client: undefined,
      socket: undefined,
      isUp: false,
      probes: [],
      timer: undefined,
      topics: new Map(),
    }
    current = attempt
    expectAnswer(attempt)
    attempt.client = createClient({
      url: url.replace(/^http/, 'ws'),
      // The hub says when to connect, and when again.
      lazy: false,
      retryAttempts: 0,
      onNonLazyError: () => undefined,
      keepAlive: PING_AFTER_MS,
      connectionParams: () => credentialsFor(attempt),
      on: {
        opened(socket) {
          attempt.socket = socket as WebSocket
        },
        message: () => attempt === current && handlers.onAlive(),
        ping: (isReceived) => !isReceived && expectPong(attempt),
        pong(isReceived) {
          if (!isReceived || attempt !== current) return
          if (attempt.isUp) clearTimeout(attempt.timer)
          attempt.probes.shift()?.()
        },
        closed: (event) => closed(attempt, Object(event)),
        error: () => undefined,
      },
    })
    listen(attempt, attempt.client)
  }

  /** graphql-ws sends pings, and does nothing where no answer comes. */
  function expectPong(attempt: Attempt): void {
    // Its answer belongs to no probe.
    attempt.probes.push(() => undefined)
    if (attempt.isUp) expectAnswer(attempt)
  }

  function join({ client, topics }: Attempt, name: string): Promise<true | string> {
    let isJoined = false
    const answer = new Promise<true | string>((resolve, reject) => {
      const isCurrent = () => current?.topics.get(name)?.answer === answer
      const over = (message: string) => {
        if (!isCurrent()) return
        topics.delete(name)
        if (isJoined) handlers.onEvent('_line', { topic: name, ok: false, message })
      }
      const leave = client?.subscribe<Readonly<Record<string, GraphQlEvent>>>(
        { query: TOPIC, variables: { name } },
        {
          next(result) {
            if (isJoined && current && isCurrent()) take(current, result)
            isJoined = true
            resolve(true)
          },
          error(errors) {
            over(messageIn(errors))
            if (Array.isArray(errors)) resolve(messageIn(errors))
            else reject(errors)
          },
          complete: () => over('the server has ended the subscription'),
        },
      )
      // In a moment: the promise is not made yet.
      queueMicrotask(() => topics.set(name, { answer, leave: () => leave?.() }))
    })
    return answer
  }

  return {
    connect: () => void (current ?? begin()),
    reconnect: begin,
    disconnect: () => void end(current),
    probe: () =>
      new Promise((resolve) => {
        if (!current?.isUp) return
        current.probes.push(resolve)
        current.socket?.send('{"type":"ping"}')
      }),
    async join(topic) {
      if (!current?.isUp) throw new Error('there is no connection')
      return current.topics.get(topic)?.answer ?? join(current, topic)
    },
    leave(topic) {
      const joined = current?.topics.get(topic)
      current?.topics.delete(topic)
      joined?.leave()
    },
    close: () => void end(current),
  }
}

const messageIn = (errors: unknown): string => String(Object(Array.isArray(errors) ? errors[0] : errors).message)
