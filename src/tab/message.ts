import type { StandardSchemaV1 } from '../invalidation/rule.js'
import { PartylineError } from '../util/errors.js'
import type { SendAnswer } from '../wire/protocol.js'

/** One kind of message that the app sends: see `message`. */
export interface Message<Data, Answer> {
  readonly schema?: StandardSchemaV1<Data, unknown> | undefined
  /** Only for the compiler. */
  readonly answer?: Answer
}

/** The events that a line may send, by name. Without the option `sends`: any event, with any data. */
export type Messages = Readonly<Record<string, Message<unknown, unknown>>>

export type DataOf<M> = M extends Message<infer Data, unknown> ? Data : never
export type AnswerOf<M> = M extends Message<unknown, infer Answer> ? Answer : never

/**
 * Gives the types of an event's data and of the server's acknowledgement, for `sends`:
 * `message<{ text: string }, { id: string }>()`. A Standard Schema checks the data, and its output is sent:
 * `message(z.object({ text: z.string() }))`.
 */
export const message = <Data = unknown, Answer = unknown>(
  schema?: StandardSchemaV1<Data, unknown>,
): Message<Data, Answer> => ({ schema })

export interface SendOptions {
  /**
   * How long the server may take to acknowledge, in milliseconds: 600,000 at most.
   * @default 10000
   */
  readonly timeoutMs?: number | undefined
  /**
   * Asks for no acknowledgement. If it can't be sent at once, it is dropped without an error. For typing indicators.
   * @default false
   */
  readonly volatile?: boolean | undefined
}

/** `line.send`, without its types. */
export type SendOver = (event: string, data?: unknown, options?: SendOptions) => Promise<unknown>

/** Data and options. Data may be left out where its type requires no field. */
export type SendArguments<Data> = undefined extends Data
  ? [data?: Data, options?: SendOptions]
  : Record<never, never> extends Data
    ? [data?: Data, options?: SendOptions]
    : [data: Data, options?: SendOptions]

/** What `send` rejects with. */
export const sendError = (
  event: string,
  { code, message, answer }: Extract<SendAnswer, { ok: false }>,
): PartylineError =>
  // What the server has written is for the user, as it is.
  new PartylineError(code, answer?.['message'] === message ? message : `'${event}': ${message}`, {
    detail: { event, ...(answer && { answer }) },
  })
