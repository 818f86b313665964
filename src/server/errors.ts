/** Every way the server half can complain. Stable: match on these, not on messages. */
export type PartylineServerErrorCode =
  /** An option, or an argument, that can't work as given. */
  | 'bad-option'
  /** An event's name is empty, or reserved by Socket.IO or Partyline. */
  | 'bad-event'
  /** Metadata is no plain object, or holds what JSON can't carry. */
  | 'bad-metadata'
  /** Nobody is named: a user's id, or a room's name, is missing. */
  | 'bad-room'
  /** A topic's name is no string of 1 to 200 characters. */
  | 'bad-topic'
  /** Metadata is large: events should name what changed, not carry it. Development only; the event was sent. */
  | 'large-metadata'
  /** Socket.IO could not send the event. */
  | 'emit-failed'
  /** `authenticate` threw, or gave something that is no session. The socket was refused. */
  | 'authentication-failed'
  /** `authorize` threw, or a topic's room could not be joined. The topic was refused. */
  | 'authorization-failed'
  /** A recovered connection came in past `authenticate`: `skipMiddlewares` has to be false. The socket was refused. */
  | 'authentication-skipped'
  /** `replay` threw, or gave something that can't be sent. The client resyncs instead. */
  | 'replay-failed'

/** What is thrown, or handed to `onError`. It never holds credentials. */
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

/** Whether to warn of what only a developer can mend. Edge runtimes may have no `process`. */
export const inDevelopment = (): boolean => typeof process !== 'undefined' && process.env.NODE_ENV !== 'production'

/** Tells of what nobody is there to catch: to `onError`, else to the console. Never throws. */
export function tell(onError: OnServerError | undefined, error: PartylineServerError): void {
  if (!onError) {
    console.warn(`[partyline] ${error.code}: ${error.message}`, error.cause ?? '')
    return
  }
  try {
    onError(error)
  } catch (thrown) {
    // Told in the middle of someone else's work, which must not end with it.
    console.error('[partyline] onError threw:', thrown)
  }
}
