/** Every way a line can complain. Stable: match on these, not on messages. */
export type PartylineErrorCode =
  /** An option that can't work as given. */
  | 'bad-option'
  /** The server sent an event that no tab has a rule or a handler for. */
  | 'unknown-event'
  /** An event's metadata is no object, or not what the rule's schema says. What the rule can reach is refetched. */
  | 'bad-metadata'
  /** A plain WebSocket server sent what is no frame. It was left out; the connection goes on. */
  | 'bad-frame'
  /** A rule's function threw. What the rule can reach is refetched. */
  | 'rule-failed'
  /** A rule gave something that is no target. What the rule can reach is refetched. */
  | 'bad-target'
  /** A query's data can't be sent to other tabs or taken from one, or the code for it can't be loaded (`shareFetches`): tabs fetch for themselves. */
  | 'share-failed'
  /** A handler given to `on` or `onReceipt` threw. The others were still called. */
  | 'handler-failed'
  /** A host could not be used (a worker file that is missing, a worker that does not answer). The next one is tried. */
  | 'host-failed'
  /** No host could be used at all. It is tried again. */
  | 'no-host'
  /** After a call a hub said nothing for too long. It is attached to again. */
  | 'call-timeout'
  /** The server can't be reached. Attempts go on. Reported once per outage. */
  | 'connect-failed'
  /** The server refused the credentials, more often than is worth trying. */
  | 'unauthorized'
  /** `auth` threw, gave something that can't cross to the hub, or never answered. Attempts go on. */
  | 'auth-failed'
  /** The hub was made by a tab with other connection settings, which stay in force. */
  | 'settings-differ'
  /** The hub speaks another version of the protocol. */
  | 'protocol-mismatch'
  /** The hub belongs to another endpoint or identity. */
  | 'wrong-hub'
  /** The server refused a topic; everything else goes on. It is asked again after a reconnect or a renewal of credentials. */
  | 'topic-refused'
  /** The server says nothing of topics: it does not know how. It is asked again after a reconnect. */
  | 'topic-failed'
  /** A topic's name is no string of 1 to 200 characters, or the tab uses more than 100 topics. It is not joined. */
  | 'bad-topic'
  /** A line was mounted for another identity or QueryClient while mounted; the new one replaced the old one. */
  | 'mounted-twice'

/** What `onError` receives. `code` is stable; `detail` says what it was about. It never holds credentials. */
export class PartylineError extends Error {
  override readonly name = 'PartylineError'
  readonly code: PartylineErrorCode
  readonly detail: Readonly<Record<string, unknown>>

  constructor(
    code: PartylineErrorCode,
    message: string,
    options: { detail?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.detail = options.detail ?? {}
  }
}

export type Report = (
  code: PartylineErrorCode,
  message: string,
  options?: { detail?: Record<string, unknown>; cause?: unknown },
) => void

declare const process: { env: { NODE_ENV?: string } }

/** Bundlers replace the whole of `process.env.NODE_ENV`; where nobody did, there may be no `process`. */
function inDevelopment(): boolean {
  try {
    return process.env.NODE_ENV !== 'production'
  } catch {
    return true
  }
}

/**
 * The one channel for errors: to `onError`, else one console warning per code and subject in development. A throwing
 * `onError` must not break the flow that reported, so it is rethrown in a task of its own.
 */
export function createReport(
  onError: ((error: PartylineError) => void) | undefined,
  later: (run: () => void) => void,
  warn: (message: string) => void,
): Report {
  const warned = new Set<string>()
  return (code, message, options) => {
    const error = new PartylineError(code, message, options)
    if (onError) {
      try {
        onError(error)
      } catch (thrown) {
        later(() => {
          throw thrown
        })
      }
      return
    }
    if (!inDevelopment()) return
    const subject = `${code} ${String(error.detail['event'] ?? error.detail['topic'] ?? error.detail['host'] ?? error.detail['option'] ?? '')}`
    if (warned.has(subject)) return
    warned.add(subject)
    warn(`[partyline] ${code}: ${message}`)
  }
}

/** The text of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? thrown.message : String(thrown)
  } catch {
    // An object without a prototype has no text.
    return 'something that has no text'
  }
}
