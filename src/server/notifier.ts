import { envelopeOf } from './envelope.js'
import { inDevelopment, type OnServerError, PartylineServerError, tell } from './errors.js'
import type { AnyEvents, EventName, NotifyArguments, NotifyOptions } from './events.js'
import { bytesOf, checkEvent, checkMetadata } from './metadata.js'
import { originOf, type RequestSlice } from './origin.js'
import { checkRoom, checkTopic, checkUserId, topicRoom, type UserId, userRoom } from './rooms.js'

/** More than this many bytes is no signal any more, but data. */
const LARGE = 1_024
/** A gap is everybody's: over so many milliseconds they fetch anew. */
const GAP = 10_000

/**
 * What events are sent with: a Socket.IO `Server`, a namespace, or the `Emitter` of `@socket.io/redis-emitter` in a
 * process that has no sockets of its own.
 */
export interface EmitterSlice {
  emit(event: string, metadata: object): unknown
  to(rooms: string[]): { emit(event: string, metadata: object): unknown; socketsLeave(rooms: string[]): unknown }
}

export interface NotifierOptions {
  /**
   * The room of a user's sockets; the same as `createSessions` is given.
   * @default (userId) => `user_${userId}`
   */
  readonly room?: (userId: UserId) => string
  /**
   * Hears of what can't be sent. With it nothing is thrown: a change that is committed should not end in an error page
   * because its event was malformed.
   * @default it is thrown
   */
  readonly onError?: OnServerError
  /**
   * Warns of large metadata, once for each event.
   * @default NODE_ENV is not 'production'
   */
  readonly development?: boolean
}

/** Sends events to browsers. Call it **after** the commit. */
export interface Notifier<Events> {
  /** To every browser of a user. */
  user<E extends EventName<Events>>(userId: UserId, event: E, ...rest: NotifyArguments<Events[E]>): void
  /** To every browser of these users, once each; to nobody if there are none. */
  users<E extends EventName<Events>>(userIds: readonly UserId[], event: E, ...rest: NotifyArguments<Events[E]>): void
  /** To every browser in a room of yours. */
  room<E extends EventName<Events>>(room: string, event: E, ...rest: NotifyArguments<Events[E]>): void
  /** To every browser that has joined a topic. */
  topic<E extends EventName<Events>>(topic: string, event: E, ...rest: NotifyArguments<Events[E]>): void
  /**
   * Ends a topic for a user, in every process, at once: a right was taken away. Make `authorize` refuse it first, or they
   * come back. Default of `reason`: 'not allowed'.
   */
  endTopic(userId: UserId, topic: string, reason?: string): void
  /** To every browser there is. With many of them, give a `spread`. */
  everyone<E extends EventName<Events>>(event: E, ...rest: NotifyArguments<Events[E]>): void
  /**
   * Something was missed on the server's side (a queue or a database connection was lost): every browser fetches anew what
   * it shows. They spread that over `spread` milliseconds; default: 10,000.
   */
  gap(options?: Pick<NotifyOptions, 'spread'>): void
  /** The same, caused by this request: the tab that made it knows its own echo. */
  from(request: RequestSlice): Notifier<Events>
}

/** Makes what your routes and jobs notify browsers with. Throws `PartylineServerError`, or tells `onError`. */
export function createNotifier<Events = AnyEvents>(io: EmitterSlice, options: NotifierOptions = {}): Notifier<Events> {
  const { room: roomOf = userRoom, onError, development = inDevelopment() } = options
  const warned = new Set<string>()

  function emit(rooms: string[] | undefined, event: string, payload: object): void {
    try {
      if (rooms) io.to(rooms).emit(event, payload)
      else io.emit(event, payload)
    } catch (thrown) {
      throw new PartylineServerError('emit-failed', `'${event}' could not be sent`, thrown)
    }
  }

  /** `rooms`: nobody if empty (Socket.IO would take that for everybody), everybody if undefined. */
  function send(rooms: string[] | undefined, event: string, metadata: unknown = {}, said: NotifyOptions = {}): void {
    checkEvent(event)
    checkMetadata(event, metadata)
    const mark = envelopeOf(said)
    if (development && !warned.has(event)) {
      const bytes = bytesOf(metadata)
      if (bytes > LARGE) {
        warned.add(event)
        const message = `the metadata of '${event}' is ${bytes} bytes: send the signal, not the data`
        tell(onError, new PartylineServerError('large-metadata', message))
      }
    }
    if (rooms?.length === 0) return
    emit(rooms, event, mark ? { ...metadata, _line: mark } : metadata)
  }

  const roomOfUser = (userId: unknown): string => {
    checkUserId(userId)
    const room = roomOf(userId)
    checkRoom(room)
    return room
  }

  function guarded(run: () => void): void {
    try {
      run()
    } catch (thrown) {
      if (!onError || !(thrown instanceof PartylineServerError)) throw thrown
      tell(onError, thrown)
    }
  }

  function notifierFor(origin: string | undefined): Notifier<Events> {
    const attempt = (
      roomsOf: () => string[] | undefined,
      event: string,
      [metadata, said]: readonly [unknown?, NotifyOptions?],
    ): void => guarded(() => send(roomsOf(), event, metadata, { ...said, origin: said?.origin ?? origin }))
    return {
      user: (userId, event, ...rest) => attempt(() => [roomOfUser(userId)], event, rest),
      users: (userIds, event, ...rest) => attempt(() => userIds.map(roomOfUser), event, rest),
      room: (room, event, ...rest) => attempt(() => [named(room)], event, rest),
      topic: (topic, event, ...rest) => attempt(() => [topicRoom(checked(topic))], event, rest),
      endTopic: (userId, topic, message = 'not allowed') =>
        guarded(() => {
          const rooms = [roomOfUser(userId)]
          // First told, then done: until it is told, a client would wonder at the silence.
          emit(rooms, '_line', { topic: checked(topic), ok: false, message })
          io.to(rooms).socketsLeave([topicRoom(topic)])
        }),
      everyone: (event, ...rest) => attempt(() => undefined, event, rest),
      gap: ({ spread = GAP } = {}) => guarded(() => emit(undefined, '_line', { gap: true, ...envelopeOf({ spread }) })),
      from: (request) => notifierFor(originOf(request)),
    }
  }
  return notifierFor(undefined)
}

function named(room: string): string {
  checkRoom(room)
  return room
}

function checked(topic: string): string {
  checkTopic(topic)
  return topic
}
