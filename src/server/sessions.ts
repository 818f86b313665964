import { type Answer, ask, type Decision, type Session } from './decision.js'
import { isCursor } from './envelope.js'
import { type OnServerError, PartylineServerError, tell } from './errors.js'
import { createExpiry } from './expiry.js'
import { type LoggedEvents, replayTo } from './replay.js'
import { type UserId, userRoom } from './rooms.js'
import { serveTopics, type TopicSocket, type TopicsOptions } from './topics.js'
import { within } from './within.js'

/** What a client sent as its credentials: anything, until you have looked at it. */
export type ClientCredentials = Readonly<Record<string, unknown>>

/** A socket of Socket.IO's server, as far as it is needed here. */
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

export interface SessionsOptions<S, T extends Session> {
  /**
   * Says whose socket this is, from the credentials that the browser's `auth` gave: `{ userId, expiresAt? }`. A string is
   * a refusal, and the reason that the client shows. A throw is one too, but what was thrown goes to `onError` only.
   */
  readonly authenticate: (credentials: ClientCredentials, socket: S) => Answer<T> | Promise<Answer<T>>
  /**
   * The room of a user's sockets; the same as `createNotifier` is given.
   * @default (userId) => `user_${userId}`
   */
  readonly room?: (userId: UserId) => string
  /**
   * Reads the user's events after `cursor` from a durable log, oldest first; false if the log does not reach back that
   * far. The client then refetches nothing for the time it was away.
   * @default a client that was away refetches
   */
  readonly replay?: (session: T, cursor: string | number) => MaybePromise<LoggedEvents | false>
  /**
   * Gives the number of the newest event in that log, of the same numbering. A client is told it when it connects, so that it
   * is replayed to from there, should the connection break before its next event. Only what is committed counts, and every
   * event has to be in the log. An answer that takes longer than a second is not waited for.
   * @default a client that has heard of no event yet refetches
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
  readonly topics?: TopicsOptions<S, T>
  /**
   * Hears of what went wrong on the server's side.
   * @default the console
   */
  readonly onError?: OnServerError
}

type MaybePromise<T> = T | Promise<T>

/** How long (ms) a client is kept waiting for the number of the newest event. */
const NEWEST = 1_000

/** Told to a client whose credentials are good, but not for this connection. */
const OTHERS = 'this connection is another user’s'

/**
 * Lets sockets in: who they are, the room of their user, and for how long. A session that is not renewed in time ends
 * with its socket; the client then comes back with fresh credentials. Call it before other middleware.
 */
export function createSessions<S extends SocketSlice, T extends Session>(
  io: ServerSlice<S>,
  options: SessionsOptions<S, T>,
): void {
  const { authenticate, room = userRoom, replay, newest, replayLimit = 1_000, onError } = options
  const admitted = new WeakMap<S, Extract<Decision<T>, { ok: true }>>()
  /** Where the log was when a client came. */
  const starts = new WeakMap<S, string | number>()
  const fault = (error: PartylineServerError) => tell(onError, error)
  const judgeOf = (auth: unknown, socket: S) => ask(async () => authenticate(credentialsIn(auth), socket), fault)

  /** Gives the reason of a refusal, if there is one. */
  async function admit(socket: S): Promise<string | undefined> {
    const verdict = await judgeOf(socket.handshake.auth, socket)
    if (!verdict.ok) return verdict.reason
    // A recovered connection is in the rooms of its former user already.
    if (socket.recovered && !isSame(verdict.session, sessionOf(socket))) return OTHERS
    admitted.set(socket, verdict)
    Object.assign(socket.data, { session: verdict.session })
    // Awaited before the client hears that it is connected: with some adapters joining takes a while, and what is sent
    // meanwhile would be lost without a trace. Socket.IO leaves the room again if another middleware refuses.
    await socket.join(room(verdict.session.userId))
    await findStart(socket, verdict.session)
    return undefined
  }

  /** Before the client hears that it is connected, too: what was committed by now, is in all that it fetches from then on. */
  async function findStart(socket: S, session: T): Promise<void> {
    // One that was recovered fetches nothing, so it has no more than it heard of.
    if (!replay || !newest || socket.recovered) return
    try {
      const start = await within(NEWEST, Promise.resolve(session).then(newest))
      if (isCursor(start)) starts.set(socket, start)
      else if (start !== undefined && start !== null) throw new TypeError('newest has to give a number or a string')
    } catch (thrown) {
      fault(new PartylineServerError('replay-failed', 'the newest event is not known', thrown))
    }
  }

  io.use((socket, next) => {
    admit(socket).then(
      (reason) => next(reason === undefined ? undefined : new Error(reason)),
      (thrown: unknown) => {
        fault(new PartylineServerError('authentication-failed', 'the room could not be joined', thrown))
        next(new Error('not authorized'))
      },
    )
  })

  io.on('connection', (socket) => {
    const verdict = admitted.get(socket)
    if (!verdict) {
      const message =
        'a recovered connection was not authenticated: set connectionStateRecovery.skipMiddlewares to false'
      fault(new PartylineServerError('authentication-skipped', message))
      socket.disconnect(true)
      return
    }
    const expiry = createExpiry(() => socket.disconnect(true))
    expiry.set(verdict.until)
    socket.on('disconnect', expiry.stop)
    const topics = serveTopics(socket, options.topics, () => sessionOf(socket) as T, emitTo(socket), fault)
    let renewing = false

    /** Fresh credentials of the same user make the session longer; anybody else's end it. */
    async function renew(auth: unknown, answer: (said: { ok: boolean; message?: string }) => void): Promise<void> {
      if (renewing) return answer({ ok: false, message: 'a renewal is under way already' })
      renewing = true
      const renewed = await judgeOf(auth, socket)
      renewing = false
      if (!renewed.ok) return answer({ ok: false, message: renewed.reason })
      if (!isSame(renewed.session, verdict?.session)) {
        answer({ ok: false, message: OTHERS })
        socket.disconnect(true)
        return
      }
      // It may have ended meanwhile, and its timer must not start again.
      if (!socket.connected) return
      Object.assign(socket.data, { session: renewed.session })
      expiry.set(renewed.until)
      topics.recheck()
      answer({ ok: true })
    }

    socket.on('_line:auth', (auth, answer) => {
      // The client may have sent anything, with or without asking for an answer.
      void renew(auth, (said) => typeof answer === 'function' && answer(said))
    })
    const start = starts.get(socket)
    if (start !== undefined) emitTo(socket)('_line', { cursor: start })
    void catchUp(socket, verdict.session)
  })

  /**
   * To this socket alone. Not by its `emit`: where connections can be recovered, that goes through the adapter, and is given a
   * place in the cluster's order which this process may not have come to yet. What lies between would be taken for sent.
   */
  const emitTo = (socket: S) => (event: string, metadata: object) => io.local.to(socket.id).emit(event, metadata)

  async function catchUp(socket: S, session: T): Promise<void> {
    const { cursor } = socket.handshake.auth
    // What a recovered connection missed, Socket.IO has sent already.
    if (!replay || socket.recovered || !isCursor(cursor)) return
    let replayed = false
    try {
      const events = await replay(session, cursor)
      replayed = events !== false && (await replayTo(socket, emitTo(socket), events, replayLimit))
    } catch (thrown) {
      fault(new PartylineServerError('replay-failed', 'events could not be replayed', thrown))
    }
    // If it was not all, the client need not wait for more before it fetches.
    emitTo(socket)('_line', { replayed })
  }
}

/** What a client sent, as far as it is the app's; the cursor is Partyline's. */
function credentialsIn(auth: unknown): ClientCredentials {
  if (typeof auth !== 'object' || auth === null || Array.isArray(auth)) return {}
  const { cursor: _, ...credentials } = auth as Record<string, unknown>
  return credentials
}

const sessionOf = (socket: SocketSlice): Session | undefined => (socket.data as { session?: Session }).session

const isSame = (one: Session, other: Session | undefined): boolean => String(one.userId) === String(other?.userId)
