import { withTimeout } from '../platform/timeouts.js'
import { RESERVED } from '../wire/protocol.js'
import { type AuthenticateResult, type Decision, decide, type ServerSession } from './decision.js'
import { isCursor } from './envelope.js'
import { type OnServerError, PartylineServerError, reportServerError } from './errors.js'
import { type LoggedEvents, replayTo } from './replay.js'
import { type UserId, userRoom } from './rooms.js'
import { serveTopics, type TopicAccessOptions, type TopicSocket } from './topics.js'

/** The credentials that a client sent. They may be anything: check them. */
export type ClientCredentials = Readonly<Record<string, unknown>>

/** The part of a Socket.IO server socket that sessions use. */
export interface SocketSlice extends TopicSocket {
  readonly id: string
  readonly handshake: { readonly auth: { readonly [name: string]: unknown } }
  data: object
  disconnect(close: boolean): unknown
}

/** A Socket.IO `Server`, or one of its namespaces. */
export interface ServerSlice<S> {
  use(middleware: (socket: S, next: (error?: Error) => void) => void): unknown
  on(event: 'connection', listener: (socket: NoInfer<S>) => void): unknown
  readonly local: { to(room: string): { emit(event: string, metadata: object): unknown } }
}

export interface SessionsOptions<S, T extends ServerSession> {
  /**
   * Returns the user of a socket, from the credentials that the browser's `auth` gave: `{ userId, expiresAt? }`. A string
   * refuses the socket, and is the reason that the client shows. A throw refuses it too, but only `onError` receives the error.
   */
  readonly authenticate: (
    credentials: ClientCredentials,
    socket: S,
  ) => AuthenticateResult<T> | Promise<AuthenticateResult<T>>
  /**
   * The room of a user's sockets. Give `createNotifier` the same.
   * @default (userId) => `user_${userId}`
   */
  readonly room?: (userId: UserId) => string
  /**
   * Reads the user's events after `cursor` from a durable log, oldest first. Returns false if the log does not reach back that
   * far. A client that gets all events it missed refetches nothing.
   * @default a client that was away refetches
   */
  readonly replay?: (session: T, cursor: string | number) => MaybePromise<LoggedEvents | false>
  /**
   * Returns the number of the newest event in that log. A client gets it when it connects, so that `replay` can start there if
   * the connection breaks before its next event. Return only what is committed, and put every event into the log. The
   * server waits at most one second for it.
   * @default a client that has received no event yet refetches
   */
  readonly newest?: (session: T) => MaybePromise<string | number | null | undefined>
  /**
   * With more events than this, the client refetches instead.
   * @default 1000
   */
  readonly replayLimit?: number
  /**
   * Who may join which topic.
   * @default nobody joins any
   */
  readonly topics?: TopicAccessOptions<S, T>
  /**
   * Receives the errors on the server's side.
   * @default the console
   */
  readonly onError?: OnServerError
}

type MaybePromise<T> = T | Promise<T>

/** A client that connects waits at most this long for the number of the newest event. */
const NEWEST_TIMEOUT_MS = 1_000

/** The reason for a client whose credentials are valid, but not for this connection. */
const OTHER_USER_REASON = 'this connection is another user’s'

/** A timer of Node, for `withTimeout`. */
function runAfter(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}

/** A socket that was let in. */
interface Admitted<T extends ServerSession> {
  readonly session: T
  readonly expiresAtMs: number | undefined
  /** The newest number in the log when the client connected. */
  readonly cursor: string | number | undefined
}

/**
 * Lets sockets in: it finds their user, joins the user's room, and ends the session in time. A session that is not renewed
 * ends with its socket; the client then reconnects with fresh credentials. Call it before other middleware.
 */
export function createSessions<S extends SocketSlice, T extends ServerSession>(
  io: ServerSlice<S>,
  options: SessionsOptions<S, T>,
): void {
  const { authenticate, room = userRoom, replay, newest, onError } = options
  const admitted = new WeakMap<S, Admitted<T>>()
  const report = (error: PartylineServerError) => reportServerError(onError, error)
  const decideFor = (socket: S, auth: unknown) => decide(async () => authenticate(credentialsIn(auth), socket), report)

  /** Resolves with the reason of a refusal, if there is one. */
  async function admit(socket: S): Promise<string | undefined> {
    const decision = await decideFor(socket, socket.handshake.auth)
    if (!decision.ok) return decision.reason
    const { session, expiresAtMs } = decision
    // A recovered connection is in the rooms of its former user already.
    if (socket.recovered && !isSameUser(session, sessionOf(socket))) return OTHER_USER_REASON
    Object.assign(socket.data, { session })
    // Awaited before the client gets its 'connect': some adapters take a while to join, and events sent meanwhile would be
    // lost without a trace. Socket.IO leaves the room again if another middleware refuses.
    await socket.join(room(session.userId))
    admitted.set(socket, { session, expiresAtMs, cursor: await readStartCursor(socket, session) })
    return undefined
  }

  /** Also before the client gets its 'connect': all that it fetches from then on contains what was committed by now. */
  async function readStartCursor(socket: S, session: T): Promise<string | number | undefined> {
    // A recovered client fetches nothing, so it has only what it received.
    if (!replay || !newest || socket.recovered) return undefined
    try {
      const cursor = await withTimeout(runAfter, NEWEST_TIMEOUT_MS, Promise.resolve(session).then(newest))
      if (isCursor(cursor)) return cursor
      if (cursor !== undefined && cursor !== null) throw new TypeError('newest has to return a number or a string')
    } catch (thrown) {
      report(new PartylineServerError('replay-failed', 'the newest event is not known', thrown))
    }
    return undefined
  }

  io.use((socket, next) => {
    admit(socket).then(
      (reason) => next(reason === undefined ? undefined : new Error(reason)),
      (thrown: unknown) => {
        report(new PartylineServerError('authentication-failed', 'the room could not be joined', thrown))
        next(new Error('not authorized'))
      },
    )
  })

  io.on('connection', (socket) => {
    const known = admitted.get(socket)
    if (!known) {
      const message =
        'a recovered connection was not authenticated: set connectionStateRecovery.skipMiddlewares to false'
      report(new PartylineServerError('authentication-skipped', message))
      socket.disconnect(true)
      return
    }
    /**
     * To this socket alone. Not through its `emit`: where connections can be recovered, that goes through the adapter, and gets
     * an offset in the cluster's order which this process may not have reached yet. What lies between would count as sent.
     */
    const emit = (event: string, metadata: object) => io.local.to(socket.id).emit(event, metadata)
    serveSession({
      socket,
      admitted: known,
      options,
      decide: (auth) => decideFor(socket, auth),
      emit,
      report,
    })
  })
}

interface SessionConnection<S, T extends ServerSession> {
  readonly socket: S
  readonly admitted: Admitted<T>
  readonly options: SessionsOptions<S, T>
  readonly decide: (auth: unknown) => Promise<Decision<T>>
  readonly emit: (event: string, metadata: object) => unknown
  readonly report: (error: PartylineServerError) => void
}

/** Serves one socket that was let in: its expiry, its renewals, its topics, and the replay of what it missed. */
function serveSession<S extends SocketSlice, T extends ServerSession>(connection: SessionConnection<S, T>): void {
  const { socket, admitted, options, emit, report } = connection
  const expiry = createExpiry(() => socket.disconnect(true))
  expiry.set(admitted.expiresAtMs)
  socket.on('disconnect', expiry.stop)
  const session = () => sessionOf(socket) as T
  const topics = serveTopics({ socket, access: options.topics, session, emit, onError: report })
  let renewing = false

  /** Fresh credentials of the same user extend the session. Those of another user end it. */
  async function renew(auth: unknown, answer: (result: { ok: boolean; message?: string }) => void): Promise<void> {
    if (renewing) return answer({ ok: false, message: 'another renewal is still running' })
    renewing = true
    const renewed = await connection.decide(auth)
    renewing = false
    if (!renewed.ok) return answer({ ok: false, message: renewed.reason })
    if (!isSameUser(renewed.session, admitted.session)) {
      answer({ ok: false, message: OTHER_USER_REASON })
      socket.disconnect(true)
      return
    }
    // The socket may have closed meanwhile. Its timer must not start again.
    if (!socket.connected) return
    Object.assign(socket.data, { session: renewed.session })
    expiry.set(renewed.expiresAtMs)
    topics.recheck()
    answer({ ok: true })
  }

  async function replayMissed(): Promise<void> {
    const { replay, replayLimit: limit = 1_000 } = options
    const { cursor } = socket.handshake.auth
    // Socket.IO has already sent what a recovered connection missed.
    if (!replay || socket.recovered || !isCursor(cursor)) return
    let replayed = false
    try {
      const events = await replay(admitted.session, cursor)
      replayed = events !== false && (await replayTo({ socket, emit, events, limit }))
    } catch (thrown) {
      report(new PartylineServerError('replay-failed', 'events could not be replayed', thrown))
    }
    // If some events are missing, the client refetches without waiting for more.
    emit(RESERVED, { replayed })
  }

  socket.on(`${RESERVED}:auth`, (auth, answer) => {
    // The client may have sent anything, with or without a callback for the answer.
    void renew(auth, (result) => typeof answer === 'function' && answer(result))
  })
  if (admitted.cursor !== undefined) emit(RESERVED, { cursor: admitted.cursor })
  void replayMissed()
}

/** The app's part of what a client sent. The cursor is Partyline's. */
function credentialsIn(auth: unknown): ClientCredentials {
  if (typeof auth !== 'object' || auth === null || Array.isArray(auth)) return {}
  const { cursor: _, ...credentials } = auth as Record<string, unknown>
  return credentials
}

const sessionOf = (socket: SocketSlice): ServerSession | undefined =>
  (socket.data as { session?: ServerSession }).session

const isSameUser = (one: ServerSession, other: ServerSession | undefined): boolean =>
  String(one.userId) === String(other?.userId)

/** Timers do not count the time that a machine sleeps, and end at 2^31 ms. So the clock is checked this often. */
const EXPIRY_CHECK_MS = 3_600_000

/** Calls back at a moment, which can be moved. Keeps no process alive. */
export function createExpiry(onExpired: () => void) {
  let timer: ReturnType<typeof setTimeout> | undefined
  const stop = () => clearTimeout(timer)
  /** `atMs`: milliseconds since the Unix epoch; undefined for never. */
  const set = (atMs: number | undefined): void => {
    stop()
    if (atMs === undefined) return
    const restMs = Math.max(0, atMs - Date.now())
    timer = setTimeout(() => (Date.now() < atMs ? set(atMs) : onExpired()), Math.min(restMs, EXPIRY_CHECK_MS))
    const handle: unknown = timer
    ;(handle as { unref?: () => void }).unref?.()
  }
  return { set, stop }
}
