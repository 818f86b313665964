import type { HubEnvironment } from '../platform/environment.js'
import { withTimeout } from '../platform/timeouts.js'
import { isMetadata, type Metadata, RESERVED } from '../wire/protocol.js'
import { type EnvelopeReader, UNNAMED } from './envelope.js'
import { deliverWalkedEvent, isPlainJson, metadataOf } from './metadata.js'
import { type RenewalOutcome, readRenewalAnswer, type TransportHandlers } from './transport.js'

export const AUTH_EVENT = `${RESERVED}:auth`
export const PING_EVENT = `${RESERVED}:ping`
const PONG_EVENT = `${RESERVED}:pong`
const ANSWER_EVENT = `${RESERVED}:answer`

/** A message of the wires without Socket.IO, either way. See docs/protocol.md. */
export interface Frame {
  readonly event: string
  /** Whatever was sent: plain and not too deep, maybe no object. */
  readonly metadata?: unknown
  /** Asks for an answer with this number. */
  readonly request?: number
  /** Its metadata is nested too deep, or holds a number that is too large: something has changed, and it is unknown what. */
  readonly isUnknown?: true
}

/** Why a frame can't be read; of a kind, so that a flood of them can be counted and reported as one. */
export type BadFrame = 'is not text' | 'is too large' | 'is no JSON' | 'has no event' | 'is nested too deep'

/** Reads a text, and walks its metadata. `envelope`: of an event without a name. */
export function readFrame(data: unknown, maxCharacters: number, envelope?: EnvelopeReader): Frame | BadFrame {
  if (typeof data !== 'string') return 'is not text'
  if (data.length > maxCharacters) return 'is too large'
  let value: unknown
  try {
    value = JSON.parse(data)
  } catch {
    return 'is no JSON'
  }
  if (isWrapped(value, envelope)) return frameOf(UNNAMED, value)
  const { event, metadata } = (value ?? {}) as Partial<Frame>
  return typeof event !== 'string' || event === '' ? 'has no event' : frameOf(event, metadata)
}

/** Whether a frame is an envelope as a whole. */
export const isWrapped = (value: unknown, envelope: EnvelopeReader | undefined): boolean =>
  envelope?.on === UNNAMED && envelope.nameIn(metadataOf(value)) !== undefined

/** A frame of an event, with its metadata walked. */
export function frameOf(event: string, metadata: unknown): Frame | BadFrame {
  if (!isPlainJson(metadata)) return event.startsWith(RESERVED) ? 'is nested too deep' : { event, isUnknown: true }
  return metadata === undefined || metadata === null ? { event } : { event, metadata }
}

export const writeFrame = (frame: Frame): string => JSON.stringify(frame)

export interface AuthAnswer {
  readonly ok?: unknown
  readonly message?: unknown
}

/** A server message about a topic has `ok` as well, but says nothing of the connection. */
export const isAuthAnswer = (metadata: unknown): metadata is AuthAnswer =>
  typeof metadata === 'object' && metadata !== null && 'ok' in metadata && !('topic' in metadata)

/** What a connection takes itself. */
interface OwnWords {
  /** A message about the connection. False for one that is not about it. */
  take(word: Metadata): boolean
  pong(): void
  /** The server's acknowledgement. */
  answer(said: Metadata): void
}

/** Hands on what has come. `own`: undefined for a server that knows nothing of Partyline. */
export function takeFrame(
  frame: Frame | BadFrame,
  handlers: Pick<TransportHandlers, 'onEvent' | 'onBadFrame'>,
  own: OwnWords | undefined,
): void {
  const { event, metadata } = typeof frame === 'string' ? { event: '' } : frame
  if (typeof frame === 'string') handlers.onBadFrame(frame)
  else if (frame.isUnknown) handlers.onEvent(event, null)
  else if (own && event === RESERVED && isMetadata(metadata) && own.take(metadata)) return
  else if (event === PONG_EVENT) own?.pong()
  else if (event === ANSWER_EVENT && isMetadata(metadata)) own?.answer(metadata)
  // Reserved events that this version does not know are for newer clients.
  else if (event === RESERVED || !event.startsWith(`${RESERVED}:`)) deliverWalkedEvent(handlers, event, metadata)
}

/** What was asked over one connection, and the server has not answered. */
export function createQuestions({ after }: HubEnvironment['timers']) {
  const probes = new Set<() => void>()
  const requests = new Map<unknown, (data: unknown) => void>()
  let lastRequest = 0
  const renewals: ((answer: RenewalOutcome) => void)[] = []
  return {
    probe: () => new Promise<void>((resolve) => void probes.add(resolve)),
    renew: () => new Promise<RenewalOutcome>((resolve) => void renewals.push(resolve)),
    /** `send` sends the question with its number. */
    request(timeoutMs: number, send: (request: number) => void): Promise<unknown> {
      const request = ++lastRequest
      const answer = new Promise((resolve) => void requests.set(request, resolve))
      send(request)
      return withTimeout(after, timeoutMs, answer).finally(() => requests.delete(request))
    },
    answer: ({ request, data }: Metadata) => requests.get(request)?.(data),
    pong(): void {
      for (const resolve of probes) resolve()
      probes.clear()
    },
    /** False when nobody has asked: the answer is to the first credentials, or the server's own. */
    renewed(answer: AuthAnswer): boolean {
      const renewal = renewals.shift()
      renewal?.(readRenewalAnswer(answer))
      return renewal !== undefined
    },
  }
}
