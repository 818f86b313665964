/** Everything that a line reports. Stable: match on these codes, not on messages. */
export type PartylineErrorCode =
  /** An option that can't work as given, or a name that is no option. */
  | 'bad-option'
  /** The server sent an event that is not mapped and has no handler in any tab. */
  | 'unknown-event'
  /** An event's metadata is no object, or the rule's schema refuses it. All queries that the rule can reach are refetched. */
  | 'bad-metadata'
  /** A plain WebSocket server sent a message that is no valid frame. It may have been an event, so data is refetched. */
  | 'bad-frame'
  /** A rule's function threw. All queries that the rule can reach are refetched. */
  | 'rule-failed'
  /** A rule gave a value that is no target, or a target with an unknown field. All queries that the rule can reach are refetched. */
  | 'bad-target'
  /** A rule gave a target outside of its `touches`. It is refetched all the same, and after gaps too from then on. */
  | 'outside-touches'
  /** A rule is a function without `touches`: after a gap it stands for every query. Reported once per rule, in development. */
  | 'no-touches'
  /** A query's data can't be sent to other tabs or taken from one, or the code for it can't be loaded (`shareFetches`). Each tab fetches for itself. */
  | 'share-failed'
  /** A handler given to `on` or `onReceipt`, or a function in a query's options, threw. Everything else went on. */
  | 'handler-failed'
  /** A host could not be used: the worker's file is missing, or the worker does not answer. The next host is tried. */
  | 'host-failed'
  /** No host could be used. The hosts are tried again. Or there is no page at all: a line needs a document. */
  | 'no-host'
  /** The server has no more code of this build, perhaps after a deploy. Only a reload helps. Reported once. */
  | 'stale-build'
  /** A hub did not answer a call in time. The tab attaches again. */
  | 'call-timeout'
  /** The server can't be reached. Attempts go on. Reported once per outage. */
  | 'connect-failed'
  /** The server refused the credentials several times. The hub tries again later. See `Status`. */
  | 'unauthorized'
  /** This browser's credentials belong to another user. No event of that user is delivered. See `Status`. */
  | 'wrong-identity'
  /** `auth` threw, gave a value that can't cross to the hub, or did not answer in time. Attempts go on. */
  | 'auth-failed'
  /** Another tab made the hub, with other connection settings, which stay in force. */
  | 'settings-differ'
  /** The hub speaks another version of the protocol. */
  | 'protocol-mismatch'
  /** The worker has no code for the app's own transport. The hub runs in a tab: see `transport` of `PartylineOptions`. */
  | 'unknown-transport'
  /** The hub belongs to another endpoint or identity. */
  | 'wrong-hub'
  /** The server refused a topic. Everything else goes on. The hub asks again after a reconnect or a renewal of credentials. */
  | 'topic-refused'
  /** The server does not answer requests for topics. The hub asks again after a reconnect. */
  | 'topic-failed'
  /** A topic's name is no string of 1 to 200 characters, or the tab uses more than 100 topics. It is not joined. */
  | 'bad-topic'
  /** `send`: there is no connection. The event was not sent. */
  | 'not-connected'
  /** `send`: the connection was lost before the server acknowledged it, or the session ended. The server may have the event. */
  | 'connection-lost'
  /** `send`: the server has not acknowledged the event in time. It may have it. */
  | 'timed-out'
  /** `send`: the server said no. Its answer is in `detail.answer`. */
  | 'rejected'
  /** `send`: the connection only receives, or has no acknowledgements. The event was not sent. */
  | 'unsupported'
  /** `send`: no name of an event, or data that is no JSON, too large, or refused by its schema. The event was not sent. */
  | 'bad-send'
  /** `send`: too many at once, in this tab or in this browser. The event was not sent. */
  | 'too-many'
  /** The code of `inspect`, `onRecord`, `explain` or `debug` can't be loaded. Everything else goes on. The next call tries again. */
  | 'inspect-failed'
  /** `emitLocal`, `simulate`: nobody is mounted. Nothing was done. */
  | 'not-mounted'
  /** A line was mounted for another identity or QueryClient while mounted. The new mount replaced the old one. */
  | 'mounted-twice'
  /** In development: a rule has matched no query so far, and a query has nearly the key that it gave. */
  | 'rule-missed'
  /** In development: no query names a field of a rule's scope, and one names a similar field. Nothing is skipped. */
  | 'scope-missed'
  /** In development: each event of a rule refetches every query in the cache. */
  | 'too-broad'
  /** In development: the server sends an unknown event, and its name is nearly that of a rule whose event never came. */
  | 'event-misspelt'
  /** In development: an event's metadata is large, or a list of objects. Send ids, and let the queries fetch the data. */
  | 'data-in-metadata'
  /** In development: mapped queries are active, and `identity` was never given. */
  | 'no-identity'
  /** In development: the line follows another QueryClient than the one of the active queries. */
  | 'client-replaced'
  /** In development: the server answers over HTTP, and refuses WebSockets again and again. */
  | 'websocket-refused'
  /** In development: a bundler has moved Partyline's modules, but not its worker. */
  | 'worker-left-out'

/**
 * An error or a hint. `code` is stable. `detail` holds the subject: an event and its metadata, an option, a topic, a
 * host. It never holds credentials.
 */
export class PartylineError extends Error {
  override readonly name = 'PartylineError'
  readonly code: PartylineErrorCode
  readonly detail: Readonly<Record<string, unknown>>
  /** When it was reported. Milliseconds since the Unix epoch. */
  readonly at: number

  constructor(
    code: PartylineErrorCode,
    message: string,
    options: { detail?: Record<string, unknown>; cause?: unknown; at?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.detail = options.detail ?? {}
    this.at = options.at ?? Date.now()
  }
}

export type Report = (
  code: PartylineErrorCode,
  message: string,
  options?: { detail?: Record<string, unknown>; cause?: unknown },
) => void

declare const process: { env: { NODE_ENV?: string } }

/** Where each code has a section. It ships with the package. */
export const ERRORS_PAGE = 'docs/errors.md'

/** So many errors are kept for later listeners. */
const MAX_KEPT_ERRORS = 50

/**
 * The one channel for errors. `onError` is the first listener, and `now` the wall clock. Without listeners there is one console
 * warning per code and subject in development. A listener that throws must not break the caller, so its error is rethrown in a task
 * of its own.
 */
export function createErrors(onError: ((error: PartylineError) => void) | undefined, now: () => number) {
  const listeners = new Set(onError && [{ run: onError }])
  let kept: readonly PartylineError[] = []
  let tap: ((error: PartylineError) => void) | undefined
  let warn: ((error: PartylineError) => void) | undefined
  try {
    // Bundlers replace the whole of `process.env.NODE_ENV`, and drop the warnings from what they build for production.
    if (process.env.NODE_ENV !== 'production') warn = createWarnings()
  } catch {
    // No bundler and no `process`.
    warn = createWarnings()
  }

  function tell({ run }: { run(error: PartylineError): void }, error: PartylineError): void {
    try {
      run(error)
    } catch (thrown) {
      void Promise.resolve().then(() => {
        throw thrown
      })
    }
  }

  const report: Report = (code, message, options) => {
    const error = new PartylineError(code, message, { ...options, at: now() })
    kept = [...kept.slice(1 - MAX_KEPT_ERRORS), error]
    tap?.(error)
    if (listeners.size === 0) warn?.(error)
    for (const listener of [...listeners]) tell(listener, error)
  }

  return {
    report,
    /** The last errors, the newest last. */
    kept: () => kept,
    /** Calls back with those, and with each that follows. Returns the way to stop. */
    add(run: (error: PartylineError) => void): () => void {
      const listener = { run }
      for (const error of kept) tell(listener, error)
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    /** `run` is called with each error from now on as well, but is no listener: the warning stays. */
    tap(run: (error: PartylineError) => void): void {
      tap = run
    },
    /** What was reported of an identity is nobody else's. */
    forget(): void {
      kept = []
    },
  }
}

/** One warning for each code and subject, with the section that tells more, and with what was thrown. */
function createWarnings() {
  const warned = new Set<string>()
  return ({ code, message, detail, cause }: PartylineError): void => {
    const { event, topic, host, option } = detail
    const subject = `${code} ${String(event ?? topic ?? host ?? option ?? '')}`
    if (warned.has(subject)) return
    warned.add(subject)
    console.warn(`[partyline] ${code}: ${message} (${ERRORS_PAGE}#${code})`, ...(cause === undefined ? [] : [cause]))
  }
}

/** The text of a thrown value. */
export function messageOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? thrown.message : String(thrown)
  } catch {
    // An object without a prototype has no text.
    return 'something that has no text'
  }
}
