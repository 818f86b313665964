import type { HubEnvironment } from '../platform/environment.js'
import { messageOf } from '../util/errors.js'
import { isMetadata, type Metadata, RESERVED } from '../wire/protocol.js'
import { createDeadline } from './deadline.js'
import { type EnvelopeReader, UNNAMED } from './envelope.js'
import { createEventParser } from './event-parser.js'
import {
  AUTH_EVENT,
  createQuestions,
  type Frame,
  frameOf,
  isAuthAnswer,
  isWrapped,
  PING_EVENT,
  takeFrame,
} from './frames.js'
import { metadataOf } from './metadata.js'
import { createEndings, type OneConnection, type OneConnectionHandlers } from './one-connection.js'
import { createSsePoster, headersOf, type Outgoing } from './sse-post.js'

/** The server may take this long to begin the stream. */
const SSE_HANDSHAKE_TIMEOUT_MS = 10_000
/** A request is answered within this time, or it may not even be on its way. Shorter than any time in which a hub wants an answer. */
const POST_PATIENCE_MS = 2_000
const PING: Frame = { event: PING_EVENT }
const AUTH: Frame = { event: AUTH_EVENT }
/** As a server acknowledges it. */
const TOO_MANY_POSTED = { ok: false, code: 'too-many', message: 'the server takes no more at the moment' }
const UNKNOWN_STREAM = 'the server does not know the stream: it was restarted, or another process answers'

export interface SseConnectionOptions {
  /** A request to the stream's address. */
  readonly request: (init: RequestInit) => Promise<Response>
  readonly timers: HubEnvironment['timers']
  /** Longer events are not read. */
  readonly maxCharacters: number
  /** The server sends something at least this often. Milliseconds; infinite: nobody knows. */
  readonly maxSilenceMs: number
  /** False: the server knows nothing of Partyline. The connection is up once the stream begins, and nothing is posted. */
  readonly hasHandshake: boolean
  /** How the server puts events into others. */
  readonly envelope: EnvelopeReader | undefined
  readonly handlers: OneConnectionHandlers
}

type Questions = ReturnType<typeof createQuestions>

interface Asking {
  readonly questions: Questions
  readonly poster: ReturnType<typeof createSsePoster>
}

type SseConnectionState = { readonly name: 'opening' | 'over' } | ({ readonly name: 'up' } & Asking)

/**
 * Gives the answer that comes over the stream. Where the request itself is not answered, nobody can tell: six others may be
 * under way, which is all that HTTP/1.1 has, or there is no network. Then it gives `unknown`, and a longer silence will tell.
 */
function askInTime<T>(
  { questions, poster }: Asking,
  timers: SseConnectionOptions['timers'],
  question: (questions: Questions) => Promise<T>,
  words: Outgoing,
  unknown: T,
): Promise<T> {
  return new Promise((resolve) => {
    void question(questions).then(resolve)
    const cancel = timers.after(POST_PATIENCE_MS, () => resolve(unknown))
    void poster.post({ ...words, onAnswered: cancel })
  })
}

/** Asks the server for an acknowledgement, unless nobody waits for it any more when it could be posted. */
function askBy({ questions, poster }: Asking, frame: Frame, timeoutMs: number): Promise<unknown> {
  let isLate = false
  return new Promise((resolve, reject) => {
    const onTooMany = () => resolve(TOO_MANY_POSTED)
    const onFailed = () => reject(new Error('the request failed. The server may have it'))
    questions
      .request(timeoutMs, (request) => {
        void poster.post({ frame: { ...frame, request }, onTooMany, onFailed, isLate: () => isLate })
      })
      .then(resolve, reject)
      .finally(() => {
        isLate = true
      })
  })
}

/** One stream, from its request to its end. */
export function createSseConnection(options: SseConnectionOptions): OneConnection {
  const { request, timers, maxCharacters, maxSilenceMs, hasHandshake, handlers } = options
  let state: SseConnectionState = { name: 'opening' }
  const life = new AbortController()
  const deadline = createDeadline(timers)

  // A function: the compiler would take `state` for unchanged across calls.
  const isOver = () => state.name === 'over'

  function close(): string {
    const { name } = state
    state = { name: 'over' }
    deadline.cancel()
    life.abort()
    return name
  }
  const { lose, refuse, noCredentials } = createEndings(handlers, close)

  function enterUp(stream: string): void {
    const onUnknown = () => lose(UNKNOWN_STREAM)
    const poster = createSsePoster({ request, timers, life: life.signal, stream, onUnknown })
    state = { name: 'up', questions: createQuestions(timers), poster }
    handlers.onUp()
  }

  function watchSilence(): void {
    if (Number.isFinite(maxSilenceMs)) deadline.set(maxSilenceMs, () => lose('the server was silent for too long'))
    else deadline.cancel()
  }

  /** A message about the connection itself. */
  function takeWord(word: Metadata): boolean {
    const { stream } = word
    if (typeof stream === 'string' && state.name === 'opening') enterUp(stream)
    else if (!isAuthAnswer(word)) return false
    else if (state.name === 'up' && state.questions.renewed(word)) return true
    else if (word['ok'] !== true) refuse(word['message'], word)
    return true
  }

  const own = hasHandshake
    ? {
        take: takeWord,
        pong: () => void (state.name === 'up' && state.questions.pong()),
        answer: (said: Metadata) => void (state.name === 'up' && state.questions.answer(said)),
      }
    : undefined
  const parse = createEventParser(maxCharacters, {
    onEvent(type, data, id) {
      if (!isOver()) takeFrame(readEvent({ type, data, id }, options), handlers, own)
    },
    onRetry: (ms) => handlers.onRetryAfter(ms),
    onTooLarge: () => handlers.onBadFrame('is too large'),
  })

  async function read(body: ReadableStream<Uint8Array>): Promise<void> {
    const reader = body.getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (isOver()) return
      if (done) return lose('the server ended the stream')
      deadline.received()
      handlers.onAlive()
      parse(value)
      if (state.name === 'up') watchSilence()
    }
  }

  /** The answer is no stream. */
  function takeError({ isRefusal, retryAfterMs, message, said }: Awaited<ReturnType<typeof readError>>): void {
    if (isOver()) return
    if (retryAfterMs) handlers.onRetryAfter(retryAfterMs)
    if (isRefusal) refuse(message, said)
    else lose(message)
  }

  async function open(): Promise<void> {
    let credentials: Metadata | undefined
    try {
      credentials = await handlers.auth()
    } catch (thrown) {
      return noCredentials(thrown)
    }
    if (isOver()) return
    deadline.set(SSE_HANDSHAKE_TIMEOUT_MS, () => lose('the server did not begin the stream, or a proxy holds it back'))
    const headers = { accept: 'text/event-stream', ...headersOf(credentials) }
    const response = await request({ headers, signal: life.signal })
    if (isOver()) return
    const { ok, body } = response
    if (!ok || !body || !/^text\/event-stream\b/i.test(response.headers.get('content-type') ?? ''))
      return takeError(await readError(response))
    if (!hasHandshake) {
      watchSilence()
      enterUp('')
    }
    await read(body)
  }

  void open().catch((thrown: unknown) => lose(messageOf(thrown)))

  const ask: <T>(question: (questions: Questions) => Promise<T>, words: Outgoing, unknown: T) => Promise<T> = (
    ...asked
  ) => (state.name === 'up' ? askInTime(state, timers, ...asked) : new Promise(() => undefined))

  return {
    probe: () => ask((asked) => asked.probe(), { frame: PING }, undefined),
    renew: (fresh) => ask((asked) => asked.renew(), { frame: AUTH, headers: headersOf(fresh) }, 'unavailable'),
    send(event, metadata) {
      if (state.name === 'up') void state.poster.post({ frame: { event, metadata } })
    },
    ask: async (event, data, timeoutMs) => {
      if (state.name !== 'up') throw new Error('not connected')
      return askBy(state, { event, metadata: data }, timeoutMs)
    },
    tell(event, data) {
      if (state.name === 'up' && !state.poster.isBusy()) void state.poster.post({ frame: { event, metadata: data } })
    },
    close,
  }
}

/** Why the server gives no stream. */
async function readError(response: Response) {
  const { status, headers } = response
  const body: unknown = await response.json().catch(() => undefined)
  const said = isMetadata(body) ? body : {}
  const isRefusal = status === 401 || status === 403
  const type = headers.get('content-type') ?? 'no type'
  return {
    isRefusal,
    retryAfterMs: Number(headers.get('retry-after')) * 1_000,
    message:
      typeof said['message'] === 'string' ? said['message'] : `the server gave no stream, but ${status}, ${type}`,
    said: { final: status === 403, ...said },
  }
}

/** An event with a name and its metadata as data, or a frame, or an envelope, as the data of one without a name. */
function readEvent(
  { type, data, id }: { readonly type: string; readonly data: string; readonly id: string | undefined },
  { hasHandshake, envelope }: Pick<SseConnectionOptions, 'hasHandshake' | 'envelope'>,
): ReturnType<typeof frameOf> {
  let value: unknown
  try {
    value = data === '' ? undefined : JSON.parse(data)
  } catch {
    // Whoever knows nothing of Partyline may send a bare text.
    if (hasHandshake) return 'is no JSON'
    value = data
  }
  const isFrame =
    type === UNNAMED && isMetadata(value) && typeof value['event'] === 'string' && !isWrapped(value, envelope)
  const [event, metadata] = isFrame ? [(value as Metadata)['event'], (value as Metadata)['metadata']] : [type, value]
  return frameOf(String(event), id === undefined ? metadata : withId(metadataOf(metadata), id))
}

const withId = ({ [RESERVED]: ours, ...metadata }: Metadata, id: string): Metadata => ({
  ...metadata,
  [RESERVED]: { id, ...(isMetadata(ours) && ours) },
})
