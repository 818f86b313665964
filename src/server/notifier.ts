import { RESERVED } from '../wire/protocol.js'
import { envelopeOf } from './envelope.js'
import { isServerInDevelopment, type OnServerError, PartylineServerError, reportServerError } from './errors.js'
import type { AnyEvents, EventName, NotifyArguments, NotifyOptions } from './events.js'
import { bytesOf, checkEvent, checkMetadata } from './metadata.js'
import { originOf, type RequestSlice } from './origin.js'
import { addNotified } from './quiet.js'
import { checkRoom, checkTopic, checkUserId, topicRoom, type UserId, userRoom } from './rooms.js'

/** An event is a signal, not data: larger metadata gets a warning. */
const MAX_SIGNAL_BYTES = 1_024
/** A gap concerns every browser. They spread their refetches over this time. */
const GAP_SPREAD_MS = 10_000

/**
 * The sender of events: a Socket.IO `Server`, a namespace, or the `Emitter` of `@socket.io/redis-emitter` in a process
 * without sockets.
 */
export interface EmitterSlice {
  emit(event: string, metadata: object): unknown
  to(rooms: string[]): { emit(event: string, metadata: object): unknown; socketsLeave(rooms: string[]): unknown }
}

export interface NotifierOptions {
  /**
   * The room of a user's sockets. Give `createSessions` the same.
   * @default (userId) => `user_${userId}`
   */
  readonly room?: (userId: UserId) => string
  /**
   * Receives the errors of events that can't be sent. With it nothing is thrown: a committed change should not end in an
   * error page because its event was malformed.
   * @default the error is thrown
   */
  readonly onError?: OnServerError
  /**
   * Warns about large metadata, once per event.
   * @default NODE_ENV is not 'production'
   */
  readonly development?: boolean
}

/**
 * Sends events to browsers. Call it **after** the commit, and whether or not the user is connected. A browser that
 * connects is told how long nothing was sent, and refetches only older queries.
 */
export interface Notifier<Events> {
  /** To every browser of a user. */
  user<E extends EventName<Events>>(userId: UserId, event: E, ...rest: NotifyArguments<Events[E]>): void
  /** To every browser of these users, once each. To nobody if the list is empty. */
  users<E extends EventName<Events>>(userIds: readonly UserId[], event: E, ...rest: NotifyArguments<Events[E]>): void
  /** To every browser in a room of yours. */
  room<E extends EventName<Events>>(room: string, event: E, ...rest: NotifyArguments<Events[E]>): void
  /** To every browser that has joined a topic. */
  topic<E extends EventName<Events>>(topic: string, event: E, ...rest: NotifyArguments<Events[E]>): void
  /**
   * Ends a topic for a user, in every process, at once: a right was taken away. Make `authorize` refuse it first, or the
   * browsers join again. Default of `reason`: 'not allowed'.
   */
  endTopic(userId: UserId, topic: string, reason?: string): void
  /** To every browser. If there are many, set `spreadMs`. */
  everyone<E extends EventName<Events>>(event: E, ...rest: NotifyArguments<Events[E]>): void
  /**
   * The server may have missed events itself (a queue or a database connection was lost): every browser refetches what it
   * shows. Browsers spread that over `spreadMs` milliseconds (default: 10,000).
   */
  gap(options?: Pick<NotifyOptions, 'spreadMs'>): void
  /** A notifier whose events name this request as their cause: the tab that made it recognizes its own write. */
  from(request: RequestSlice): Notifier<Events>
}

/** Creates the notifier of your routes and jobs. Its calls throw `PartylineServerError`, or pass it to `onError`. */
export function createNotifier<Events = AnyEvents>(io: EmitterSlice, options: NotifierOptions = {}): Notifier<Events> {
  const { room: roomOf = userRoom, onError, development = isServerInDevelopment() } = options
  const warned = new Set<string>()
  addNotified(io)

  function emit(rooms: string[] | undefined, event: string, payload: object): void {
    try {
      if (rooms) io.to(rooms).emit(event, payload)
      else io.emit(event, payload)
    } catch (thrown) {
      throw new PartylineServerError('emit-failed', `'${event}' could not be sent`, thrown)
    }
  }

  /** Empty `rooms`: nobody (Socket.IO would send to everybody). Undefined: everybody. */
  function send(rooms: string[] | undefined, event: string, metadata: unknown, options: NotifyOptions): void {
    checkEvent(event)
    checkMetadata(event, metadata)
    const envelope = envelopeOf(options)
    if (development && !warned.has(event)) {
      const bytes = bytesOf(metadata)
      if (bytes > MAX_SIGNAL_BYTES) {
        warned.add(event)
        const message = `the metadata of '${event}' is ${bytes} bytes: send the signal, not the data`
        reportServerError(onError, new PartylineServerError('large-metadata', message))
      }
    }
    if (rooms?.length === 0) return
    emit(rooms, event, envelope ? { ...metadata, [RESERVED]: envelope } : metadata)
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
      reportServerError(onError, thrown)
    }
  }

  function notifierFor(origin: string | undefined): Notifier<Events> {
    const attempt = (
      roomsOf: () => string[] | undefined,
      event: string,
      [metadata = {}, options]: readonly [unknown?, NotifyOptions?],
    ): void => guarded(() => send(roomsOf(), event, metadata, { ...options, origin: options?.origin ?? origin }))
    return {
      user: (userId, event, ...rest) => attempt(() => [roomOfUser(userId)], event, rest),
      users: (userIds, event, ...rest) => attempt(() => userIds.map(roomOfUser), event, rest),
      room: (room, event, ...rest) => attempt(() => [checkedRoom(room)], event, rest),
      topic: (topic, event, ...rest) => attempt(() => [topicRoom(checkedTopic(topic))], event, rest),
      endTopic: (userId, topic, message = 'not allowed') =>
        guarded(() => {
          const rooms = [roomOfUser(userId)]
          // The message goes first: otherwise a client would get no events of the topic, and no reason.
          emit(rooms, RESERVED, { topic: checkedTopic(topic), ok: false, message })
          io.to(rooms).socketsLeave([topicRoom(topic)])
        }),
      everyone: (event, ...rest) => attempt(() => undefined, event, rest),
      gap: ({ spreadMs = GAP_SPREAD_MS, ...rest } = {}) =>
        guarded(() => emit(undefined, RESERVED, { gap: true, ...envelopeOf({ ...rest, spreadMs }) })),
      from: (request) => notifierFor(originOf(request)),
    }
  }
  return notifierFor(undefined)
}

function checkedRoom(room: string): string {
  checkRoom(room)
  return room
}

function checkedTopic(topic: string): string {
  checkTopic(topic)
  return topic
}
