import { RESERVED } from '../wire/protocol.js'
import { APP_CALL_TIMEOUT_MS, callApp, checkTimeout } from './app-calls.js'
import {
  type AuthenticateResult,
  type ClientCredentials,
  type Decision,
  type Denial,
  decide,
  errorOf,
  type RenewalAnswer,
  readAuth,
  refused,
  renewalAnswerOf,
  type ServerSession,
  UNAVAILABLE,
} from './decision.js'
import { type HandshakeSocket, handshakesOf } from './end-user.js'
import { isCursor } from './envelope.js'
import { type OnServerError, PartylineServerError, reportServerError } from './errors.js'
import { type AllowedOrigins, originFilter } from './origins.js'
import { type Quiet, watchQuiet } from './quiet.js'
import { holdMissed, readMissed, sendMissed } from './recovery.js'
import { type LoggedEvents, replayMissed } from './replay.js'
import { checkRoom, type UserId, userRoom } from './rooms.js'
import { checkLimits, limitSends, type SendingSocket } from './send-limit.js'
import { isStoredUser, keepSession, sessionOf } from './stored-session.js'
import { serveTopics, type TopicAccessOptions, type TopicSocket } from './topics.js'

/** The part of a Socket.IO server socket that sessions use. */
export interface SocketSlice extends TopicSocket, HandshakeSocket, SendingSocket {
  readonly id: string
  readonly handshake: {
    readonly auth: { readonly [name: string]: unknown }
    readonly headers: { readonly origin?: string | undefined }
  }
  data: object
  disconnect(close: boolean): unknown
}

/** A Socket.IO `Server`, or one of its namespaces. */
export interface ServerSlice<S> {
  use(middleware: (socket: S, next: (error?: Error) => void) => void): unknown
  on(event: 'connection', listener: (socket: NoInfer<S>) => void): unknown
  readonly local: { to(room: string): { emit(event: string, ...args: unknown[]): unknown } }
}

export interface SessionsOptions<S, T extends ServerSession> {
  /**
   * Returns the user of a socket, from the credentials that the browser's `auth` gave: `{ userId, expiresAt? }`. A string
   * refuses the socket, and is the reason that the client shows. So does `refuse(reason, { final: true })`, after which the
   * client does not try again by itself. A throw is no refusal: the client tries again, and only `onError` receives the error.
   */
  readonly authenticate: (
    credentials: ClientCredentials,
    socket: S,
  ) => AuthenticateResult<T> | Promise<AuthenticateResult<T>>
  /**
   * How long `authenticate` may take, in milliseconds. After that the client tries again later.
   * @default 10000
   */
  readonly authenticateTimeoutMs?: number
  /**
   * The identity for which the browser mounts its line (`line.mount({ identity })`), of a session. A browser that sends the
   * credentials of another one is refused, such as a tab of a user who has signed out while another one signed in.
   * @default (session) => String(session.userId)
   */
  readonly identity?: (session: T) => string
  /**
   * Picks the fields of your session that are in `socket.data.session`, besides `userId`: `({ tenant }) => ({ tenant })`.
   * Adapters write them to Redis in clear, and send them to other processes. In this process `sessionOf(socket)` has all.
   * @default none
   */
  readonly storedFields?: (session: T) => object
  /**
   * Whose pages may connect: a list such as `['https://app.example.com']`, or a function that decides. WebSocket knows no CORS,
   * so where a cookie signs in, any other site's page could connect as its visitor. A client that sends no Origin is let in:
   * it is no browser, and has no visitor's cookies.
   * @default every page
   */
  readonly origins?: AllowedOrigins
  /**
   * The room of a user's sockets. Give `createNotifier` and `endUser` the same.
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
   * How long after its start, in milliseconds, this process begins to count for how long nothing was sent. Browsers that connect
   * are told, and do not refetch what they have fetched since. Until then, a process that this one replaces may still be sending.
   * False: nobody is told. For an app that sends events only to users who are connected, or past the rooms (`socket.emit`).
   * @default 30000. False without `createNotifier` in this process. Adapters other than Socket.IO's own and Redis streams: false
   */
  readonly quietAfterMs?: number | false
  /**
   * How many events one client may send in a second. Beyond it, an acknowledgement is `{ ok: false, code: 'too-many' }`, and no
   * listener is called. A client that sends more than twice as many is disconnected. The browsers of `line.send` send 500 at most.
   * `Infinity`: no limit.
   * @default 1000
   */
  readonly maxSendsPerSecond?: number
  /**
   * Receives the errors on the server's side.
   * @default the console
   */
  readonly onError?: OnServerError
}

type MaybePromise<T> = T | Promise<T>

/** A client that connects waits at most this long for the number of the newest event. */
const NEWEST_TIMEOUT_MS = 1_000

/** The credentials are valid, but not for this connection. */
const OTHER_USER: Denial = { name: 'wrong-identity', reason: 'this connection is another user’s' }

/** A socket that was let in. */
interface Admitted<T extends ServerSession> {
  readonly session: T
  readonly identity: string
  readonly expiresAtMs: number | undefined
  readonly userRoom: string
  /** The newest number in the log when the client connected. */
  readonly cursor: string | number | undefined
  /** The handshake is over. Gives whether `endUser` was called meanwhile. */
  readonly complete: () => boolean
}

/**
 * Lets sockets in: it finds their user, joins the user's room, and ends the session in time. A session that is not renewed
 * ends with its socket. The client then reconnects with fresh credentials. Call it before other middleware, and after
 * `io.adapter`. Throws `bad-option`.
 */
export function createSessions<S extends SocketSlice, T extends ServerSession>(
  io: ServerSlice<S>,
  options: SessionsOptions<S, T>,
): void {
  const { onError } = options
  const admitted = new WeakMap<S, Admitted<T>>()
  const report = (error: PartylineServerError) => reportServerError(onError, error)
  const decideFor = createDecider(options, report)
  checkLimits(options)
  const admit = createAdmission({ io, options, decideFor, report })
  holdMissed(io)
  const quiet = watchQuiet(io, { afterMs: options.quietAfterMs })

  io.use((socket, next) => {
    const refuseWith = (denial: Denial) => next(errorOf(denial))
    admit(socket).then(
      (result) => {
        if ('name' in result) return refuseWith(result)
        admitted.set(socket, result)
        next()
      },
      (thrown: unknown) => {
        report(new PartylineServerError('authentication-failed', 'the room could not be joined', thrown))
        refuseWith(UNAVAILABLE)
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
    if (known.complete()) return void socket.disconnect(true)
    /**
     * To this socket alone. Not through its `emit`: where connections can be recovered, that goes through the adapter, and gets
     * an offset in the cluster's order which this process may not have reached yet. What lies between would count as sent.
     */
    const emit = (event: string, ...args: unknown[]) => io.local.to(socket.id).emit(event, ...args)
    serveSession({ socket, admitted: known, options, decide: (auth) => decideFor(socket, auth), emit, quiet, report })
  })
}

type DecideFor<S, T extends ServerSession> = (socket: S, auth: unknown) => Promise<Decision<T>>

/** Decides about what a client sent, at its handshake and at each renewal. */
function createDecider<S extends SocketSlice, T extends ServerSession>(
  options: SessionsOptions<S, T>,
  report: OnServerError,
): DecideFor<S, T> {
  const { authenticate, authenticateTimeoutMs: timeoutMs = APP_CALL_TIMEOUT_MS } = options
  const { identity: identityOf = ({ userId }) => String(userId) } = options
  checkTimeout('authenticateTimeoutMs', timeoutMs)
  checkTimeout('authorizeTimeoutMs', options.topics?.authorizeTimeoutMs ?? APP_CALL_TIMEOUT_MS)
  return (socket, auth) => {
    const { credentials, claimed } = readAuth(auth)
    return decide({
      authenticate: () => authenticate(credentials, socket),
      timeoutMs,
      identityOf,
      claimed,
      onError: report,
    })
  }
}

interface AdmissionOptions<S, T extends ServerSession> {
  readonly io: object
  readonly options: SessionsOptions<S, T>
  readonly decideFor: DecideFor<S, T>
  readonly report: OnServerError
}

/** The handshake: whether a socket is let in, with all that has to be done before its client knows. */
function createAdmission<S extends SocketSlice, T extends ServerSession>(admission: AdmissionOptions<S, T>) {
  const { io, options, decideFor, report } = admission
  const { room: roomOf = userRoom, storedFields, replay, newest } = options
  const mayConnect = originFilter(options.origins)
  const handshakes = handshakesOf(io)

  /** All that the client fetches from its 'connect' on contains what was committed by now. */
  async function readStartCursor(socket: S, session: T): Promise<string | number | undefined> {
    // A recovered client fetches nothing, so it has only what it received.
    if (!replay || !newest || socket.recovered) return undefined
    try {
      const cursor = await callApp(NEWEST_TIMEOUT_MS, () => newest(session))
      if (isCursor(cursor)) return cursor
      if (cursor !== undefined && cursor !== null) throw new TypeError('newest has to return a number or a string')
    } catch (thrown) {
      report(new PartylineServerError('replay-failed', 'the newest event is not known', thrown))
    }
    return undefined
  }

  async function admit(
    socket: S,
    hasEnded: (room: string) => boolean,
  ): Promise<Denial | Omit<Admitted<T>, 'complete'>> {
    const { origin } = socket.handshake.headers
    if (!mayConnect(origin)) return refused(`pages of ${origin} may not connect`)
    const decision = await decideFor(socket, socket.handshake.auth)
    if (decision.name !== 'admitted') return decision
    const { session, identity, expiresAtMs } = decision
    // A recovered connection is in the rooms of its former user already.
    if (socket.recovered && !isStoredUser(socket, session)) return OTHER_USER
    const room = roomOf(session.userId)
    checkRoom(room)
    if (hasEnded(room)) return refused('the session has ended')
    keepSession(socket, session, storedFields?.(session))
    // Awaited before the client gets its 'connect': some adapters take a while to join, and events sent meanwhile would be
    // lost without a trace. Socket.IO leaves the room again if another middleware refuses.
    await socket.join(room)
    const cursor = await readStartCursor(socket, session)
    if (socket.recovered && !(await readMissed(socket))) return refused('the session has ended')
    return { session, identity, expiresAtMs, userRoom: room, cursor }
  }

  return async (socket: S): Promise<Denial | Admitted<T>> => {
    const handshake = handshakes.begin(socket)
    try {
      const result = await admit(socket, handshake.hasEnded)
      if ('name' in result) {
        handshake.close()
        return result
      }
      const complete = () => {
        handshake.close()
        return handshake.hasEnded(result.userRoom)
      }
      return { ...result, complete }
    } catch (thrown) {
      handshake.close()
      throw thrown
    }
  }
}

interface SessionConnection<S, T extends ServerSession> {
  readonly socket: S
  readonly admitted: Admitted<T>
  readonly options: SessionsOptions<S, T>
  readonly decide: (auth: unknown) => Promise<Decision<T>>
  readonly emit: (event: string, ...args: unknown[]) => unknown
  readonly quiet: Quiet
  readonly report: OnServerError
}

/**
 * Tells a browser for how long its rooms were quiet when it was let in. Not before the app has joined it to others, in the same
 * turn. What was sent to a room since the socket is in it has arrived, and does not count.
 */
function sayQuiet<S extends SocketSlice>(
  socket: S,
  quiet: Quiet,
  emit: (event: string, word: object) => unknown,
): void {
  const before = new Set(socket.rooms)
  const sentAt = quiet.lastSentAt(before)
  queueMicrotask(() => {
    const joined = [...socket.rooms].filter((room) => !before.has(room))
    // A recovered connection gets what it has missed.
    emit(RESERVED, { quietForMs: socket.recovered ? 0 : quiet.forMs(joined, sentAt) })
  })
}

/** Serves one socket that was let in: its expiry, its renewals, its topics, and what it missed. */
function serveSession<S extends SocketSlice, T extends ServerSession>(connection: SessionConnection<S, T>): void {
  const { socket, admitted, options, emit, quiet, report } = connection
  limitSends({ socket, ...options, emit, report })
  const expiry = createExpiry(() => socket.disconnect(true))
  expiry.set(admitted.expiresAtMs)
  socket.on('disconnect', expiry.stop)
  const missed = socket.recovered ? sendMissed(socket) : undefined
  // Before anything else: a client that asked for another user drops the connection, and what comes after this.
  emit(RESERVED, { identity: admitted.identity })
  sayQuiet(socket, quiet, emit)
  if (missed) void missed(emit)
  else if (admitted.cursor !== undefined) emit(RESERVED, { cursor: admitted.cursor })
  const session = () => sessionOf<T>(socket) as T
  const topics = serveTopics({ socket, access: options.topics, session, emit, quiet, onError: report })
  let renewing = false

  /** Fresh credentials of the same user extend the session. Those of another user end it. */
  async function renew(auth: unknown, answer: (result: RenewalAnswer) => void): Promise<void> {
    if (renewing) return answer({ ok: false, message: 'another renewal is still running', code: 'unavailable' })
    renewing = true
    const renewed = await connection.decide(auth)
    renewing = false
    const denial = renewed.name !== 'admitted' ? renewed : isSameUser(renewed, admitted) ? undefined : OTHER_USER
    if (denial) {
      answer(renewalAnswerOf(denial))
      if (denial.name === 'wrong-identity') socket.disconnect(true)
    }
    // The socket may have closed meanwhile. Its timer must not start again.
    if (denial || renewed.name !== 'admitted' || !socket.connected) return
    keepSession(socket, renewed.session, options.storedFields?.(renewed.session))
    expiry.set(renewed.expiresAtMs)
    topics.recheck()
    answer({ ok: true })
  }

  socket.on(`${RESERVED}:auth`, (auth, answer) => {
    // The client may have sent anything, with or without a callback for the answer.
    const say = (result: RenewalAnswer) => void (typeof answer === 'function' && answer(result))
    renew(auth, say).catch((thrown: unknown) => {
      report(new PartylineServerError('authentication-failed', 'the session could not be renewed', thrown))
      say(renewalAnswerOf(UNAVAILABLE))
    })
  })
  // Socket.IO has kept what a recovered connection missed.
  const { replay, replayLimit: limit = 1_000 } = options
  const { cursor } = socket.handshake.auth
  if (!socket.recovered && replay && isCursor(cursor))
    void replayMissed({ socket, read: () => replay(admitted.session, cursor), limit, emit, report })
}

const isSameUser = <T extends ServerSession>(
  one: { readonly session: T; readonly identity: string },
  other: { readonly session: T; readonly identity: string },
): boolean => String(one.session.userId) === String(other.session.userId) && one.identity === other.identity

/** Timers do not count the time that a machine sleeps, and end at 2^31 ms. So the clock is checked this often. */
const EXPIRY_CHECK_MS = 3_600_000

/** Calls back at a moment, which can be moved. Keeps no process alive. */
export function createExpiry(onExpired: () => void) {
  let timer: ReturnType<typeof setTimeout> | undefined
  const stop = () => clearTimeout(timer)
  /** `atMs`: milliseconds since the Unix epoch. Undefined for never. */
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
