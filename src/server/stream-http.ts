import { RESERVED } from '../wire/protocol.js'
import { PartylineServerError, reportServerError } from './errors.js'
import type { StreamSink } from './stream-socket.js'

/** What a client asks, of whichever kind of server. */
export interface StreamRequest {
  readonly method: string
  /** In lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** The credentials, with the cursor and the identity where sessions expect them. */
  readonly auth: Readonly<Record<string, unknown>>
  /** The request or its answer has ended, maybe before this call: the app may have done something else first. */
  onClose(run: () => void): void
  /** What was posted. Undefined when it is no list, or too long. */
  frames(): Promise<readonly unknown[] | undefined>
}

export interface StreamAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly maxBufferedBytes?: number
  /** The body is a stream. */
  readonly stream?: (sink: StreamSink) => void
}

type AnswerRequest = (request: StreamRequest) => Promise<StreamAnswer>

/** The part of Node's `IncomingMessage` that is used. `body`: of Express. */
export interface NodeRequest extends AsyncIterable<unknown> {
  readonly method?: string | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body?: unknown
}

/** The part of Node's `ServerResponse` that is used. */
export interface NodeResponse {
  readonly writableLength: number
  readonly destroyed: boolean
  writeHead(status: number, headers: Record<string, string>): unknown
  flushHeaders(): void
  write(text: string): unknown
  end(text?: string): unknown
  destroy(): unknown
  on(event: 'close', listener: () => void): unknown
}

/** Characters of what is posted at once. */
const MAX_POSTED_CHARACTERS = 100_000

export async function answerNode(
  request: NodeRequest,
  response: NodeResponse,
  body: unknown,
  answer: AnswerRequest,
): Promise<void> {
  const headers = plainHeaders(Object.entries(request.headers))
  const given = typeof body === 'function' || body === undefined ? request.body : body
  try {
    const {
      status,
      headers: ours = {},
      ...answered
    } = await answer({
      method: request.method ?? 'GET',
      headers,
      auth: handshakeAuthOf(headers),
      onClose: (run) => (response.destroyed ? run() : void response.on('close', run)),
      frames: async () => (given === undefined ? framesOf(await bodyTextOf(request)) : framesOf(given)),
    })
    if (response.destroyed) return
    response.writeHead(status, ours)
    const { stream, maxBufferedBytes = 0 } = answered
    if (!stream) return void response.end(answered.body)
    response.flushHeaders()
    stream({
      write(text) {
        response.write(text)
        // It reads too slowly, or not at all.
        if (response.writableLength > maxBufferedBytes) response.destroy()
      },
      end: () => void response.end(),
    })
  } catch (thrown) {
    // A request that breaks while it is read needs no answer.
    if (!response.destroyed) reportThrownInStream(thrown)
    response.destroy()
  }
}

export const reportThrownInStream = (thrown: unknown) =>
  reportServerError(undefined, new PartylineServerError('listener-failed', 'a listener of a stream threw', thrown))

export async function answerWeb(request: Request, answer: AnswerRequest): Promise<Response> {
  const headers = plainHeaders(request.headers)
  const closing = new Set<() => void>()
  const close = () => {
    for (const run of closing) run()
  }
  request.signal.addEventListener('abort', close)
  try {
    const answered = await answer({
      method: request.method,
      headers,
      auth: handshakeAuthOf(headers),
      onClose: (run) => (request.signal.aborted ? run() : void closing.add(run)),
      frames: async () => framesOf(request.body ? await bodyTextOf(request.body) : ''),
    })
    return responseOf(answered, close)
  } catch (thrown) {
    // A middleware or a listener of the app threw. No stream comes of it, whose end would be heard.
    close()
    throw thrown
  }
}

function responseOf(answered: StreamAnswer, close: () => void): Response {
  const init = { status: answered.status, headers: { ...answered.headers } }
  const { stream, maxBufferedBytes = 0 } = answered
  if (!stream) return new Response(answered.body ?? null, init)
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        let isOver = false
        const finish = (how: () => void) => {
          if (isOver) return
          isOver = true
          how()
          close()
        }
        stream({
          write(text) {
            if (isOver) return
            controller.enqueue(encoder.encode(text))
            // It reads too slowly, or not at all.
            if ((controller.desiredSize ?? 0) < 0)
              finish(() => controller.error(new Error('the client reads too slowly')))
          },
          end: () => finish(() => controller.close()),
        })
      },
      cancel: close,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: maxBufferedBytes }),
  )
  return new Response(body, init)
}

function plainHeaders(headers: Iterable<readonly [string, string | string[] | undefined]>) {
  return Object.fromEntries([...headers].map(([name, value]) => [name.toLowerCase(), value?.toString()]))
}

/** The credentials of a request as `createSessions` reads those of a handshake. They may be anything. */
function handshakeAuthOf(headers: StreamRequest['headers']): Record<string, unknown> {
  const { authorization = '', 'x-partyline-identity': identity, 'last-event-id': cursor } = headers
  const [, scheme = '', value = ''] = /^(\w+) +(\S+)$/.exec(authorization) ?? []
  const credentials =
    scheme.toLowerCase() === 'bearer' ? { token: value } : scheme === 'Partyline' ? decoded(value) : {}
  return {
    ...credentials,
    ...(cursor !== undefined && { cursor: cursorOf(cursor) }),
    ...(identity !== undefined && { [RESERVED]: { identity: decodedPart(identity) } }),
  }
}

/** A number, where the text is how a number is written: logs count. */
const cursorOf = (text: string): string | number => (String(Number(text)) === text ? Number(text) : text)

function decoded(base64: string): object {
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
  } catch {
    return {}
  }
}

function decodedPart(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

async function bodyTextOf(request: AsyncIterable<unknown>): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of request) {
    text += typeof chunk === 'string' ? chunk : decoder.decode(chunk as Uint8Array, { stream: true })
    if (text.length > MAX_POSTED_CHARACTERS) return ''
  }
  return text
}

/** `given`: a text, or what a framework has made of one. */
function framesOf(given: unknown): readonly unknown[] | undefined {
  if (typeof given !== 'string') return Array.isArray(given) ? given : undefined
  if (given.length > MAX_POSTED_CHARACTERS) return undefined
  try {
    const value: unknown = JSON.parse(given)
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}
