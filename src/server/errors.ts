/** Every error code of `partyline/server`. Stable: match on these, not on messages. */
export type PartylineServerErrorCode =
  /** An option or an argument is invalid. */
  | 'bad-option'
  /** An event's name is empty, or reserved by Socket.IO or Partyline. */
  | 'bad-event'
  /** Metadata is not a plain object, or contains a value that JSON can't carry. */
  | 'bad-metadata'
  /** A user's id or a room's name is missing. */
  | 'bad-room'
  /** A topic's name is not a string of 1 to 200 characters. */
  | 'bad-topic'
  /** Metadata is large: events should name what changed, not carry it. Development only. The event was sent. */
  | 'large-metadata'
  /** Socket.IO could not send the event. */
  | 'emit-failed'
  /** `authenticate` threw, took too long, or returned something that is not a session. The client tries again later. */
  | 'authentication-failed'
  /** `authorize` threw, took too long, or a topic's room could not be joined. The client asks again later. */
  | 'authorization-failed'
  /** A listener of yours at an event stream threw. The console has it. */
  | 'listener-failed'
  /** A client was disconnected: it sent more than twice `maxSendsPerSecond`, or joined and left as many topics. */
  | 'too-many-sends'
  /** A recovered connection skipped `authenticate`: `skipMiddlewares` has to be false. The socket was refused. */
  | 'authentication-skipped'
  /** `replay` threw, took too long, or returned something that can't be sent. The client resyncs instead. */
  | 'replay-failed'

/** The error that is thrown, or passed to `onError`. It never contains credentials. */
export class PartylineServerError extends TypeError {
  override readonly name = 'PartylineServerError'
  readonly code: PartylineServerErrorCode

  constructor(code: PartylineServerErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}

export type OnServerError = (error: PartylineServerError) => void

declare const process: { readonly env: { readonly NODE_ENV?: string } }

/** Whether to warn about mistakes that only a developer can fix. Edge runtimes may have no `process`. */
export const isServerInDevelopment = (): boolean =>
  typeof process !== 'undefined' && process.env.NODE_ENV !== 'production'

/** Reports an error that has no caller to catch it: to `onError`, else to the console. Never throws. */
export function reportServerError(onError: OnServerError | undefined, error: PartylineServerError): void {
  if (!onError) {
    console.warn(`[partyline] ${error.code}: ${error.message}`, error.cause ?? '')
    return
  }
  try {
    onError(error)
  } catch (thrown) {
    // A throw here must not end the other work that reported the error.
    console.error('[partyline] onError threw:', thrown)
  }
}
