import { RESERVED } from '../wire/protocol.js'
import { APP_CALL_TIMEOUT_MS, callApp } from './app-calls.js'
import { PartylineServerError } from './errors.js'
import type { Quiet } from './quiet.js'
import { checkTopic, TOPIC_PREFIX, topicRoom } from './rooms.js'

/** The part of a Socket.IO server socket that topics use. */
export interface TopicSocket {
  readonly connected: boolean
  readonly recovered: boolean
  readonly rooms: ReadonlySet<string>
  join(room: string): unknown
  leave(room: string): unknown
  on(event: string, listener: (...args: unknown[]) => void): unknown
  onAnyOutgoing(listener: (...args: unknown[]) => void): unknown
  offAnyOutgoing(listener: (...args: unknown[]) => void): unknown
}

/** Who may join which topic. */
export interface TopicAccessOptions<S, T> {
  /**
   * Decides whether this session may join a topic. False refuses, a string refuses with a reason that the client shows. A
   * throw is no refusal: nobody joins, the client asks again later, and only `onError` receives the error. Called again for
   * each topic when credentials are renewed.
   */
  readonly authorize: (session: T, topic: string, socket: S) => AuthorizeResult | Promise<AuthorizeResult>
  /**
   * How long `authorize` may take, in milliseconds. After that the client asks again later.
   * @default 10000
   */
  readonly authorizeTimeoutMs?: number
  /**
   * How many topics one browser may have joined at once.
   * @default 500
   */
  readonly limit?: number
}

/** What `authorize` returns: true, or false or a reason for a refusal. */
export type AuthorizeResult = boolean | string

/** How many topics one browser may have joined, unless an option says otherwise. */
export const MAX_TOPICS = 500
/** How many calls of `authorize` run at once for one socket. */
const MAX_AUTHORIZE_CALLS = 8

/** Why a topic is not joined. `unavailable`: it is not known whether it may be. */
type TopicDenial = { readonly message: string; readonly code?: 'unavailable' }

const DEFAULT_REFUSAL: TopicDenial = { message: 'not allowed' }
const NOT_KNOWN: TopicDenial = { message: 'try again later', code: 'unavailable' }

interface JoinRequest {
  /** The client's number for it. Absent if the client did not ask. */
  request?: number | undefined
}

interface TopicsConnection<S, T> {
  readonly socket: S
  readonly access: TopicAccessOptions<S, T> | undefined
  readonly session: () => T
  readonly emit: (event: string, metadata: object) => unknown
  readonly quiet: Pick<Quiet, 'forMs'>
  readonly onError: (error: PartylineServerError) => void
}

/**
 * Lets one socket into topics. Each topic is a room with a prefix of its own, so that no client gets into another room by
 * asking for a topic. The app decides each join. Without `access` every join is refused.
 */
export function serveTopics<S extends TopicSocket, T>({
  socket,
  access,
  session,
  emit,
  quiet,
  onError,
}: TopicsConnection<S, T>): { readonly recheck: () => void } {
  const { limit = MAX_TOPICS, authorizeTimeoutMs = APP_CALL_TIMEOUT_MS } = access ?? {}
  /** The joins that wait or are being decided. A topic that the client leaves meanwhile is removed. */
  const pending = new Map<string, JoinRequest>()
  /** Those of them that wait, oldest first. By topic, so that a client that joins and leaves in a loop builds no queue. */
  const waiting = new Map<string, () => Promise<void>>()
  let running = 0

  const joinedRooms = () => [...socket.rooms].filter((room) => room.startsWith(TOPIC_PREFIX))
  const count = () => new Set([...joinedRooms(), ...[...pending.keys()].map(topicRoom)]).size
  const answer = (topic: string, denial: TopicDenial | undefined, request: number | undefined) => {
    // Read after the room was joined: what is sent from then on arrives.
    const quietForMs = quiet.forMs([topicRoom(topic)])
    const result = denial ? { ok: false, ...denial } : { ok: true, ...(quietForMs > 0 && { quietForMs }) }
    emit(RESERVED, { topic, ...result, ...(request !== undefined && { request }) })
  }

  /** Resolves with the reason why not, if there is one. */
  async function denialOf(topic: string): Promise<TopicDenial | undefined> {
    if (!access) return { message: 'this server has no topics' }
    try {
      const result = await callApp(authorizeTimeoutMs, () => access.authorize(session(), topic, socket))
      if (result === true) return undefined
      return typeof result === 'string' && result !== '' ? { message: result } : DEFAULT_REFUSAL
    } catch (thrown) {
      const message = `authorize threw for the topic '${topic}', or gave no answer in time`
      onError(new PartylineServerError('authorization-failed', message, thrown))
      return NOT_KNOWN
    }
  }

  function enqueue(topic: string, joinRequest: JoinRequest): void {
    pending.set(topic, joinRequest)
    waiting.set(topic, async () => {
      const isOver = () => !socket.connected || pending.get(topic) !== joinRequest
      if (isOver()) return
      const denial = await denialOf(topic)
      if (isOver()) return
      const room = topicRoom(topic)
      const wasIn = socket.rooms.has(room)
      // Awaited before the answer: some adapters take a while to join, and events in between would be lost.
      if (denial === undefined) await socket.join(room)
      else await socket.leave(room)
      if (isOver()) return
      pending.delete(topic)
      const { request } = joinRequest
      if (request !== undefined || (wasIn && denial !== undefined)) answer(topic, denial, request)
    })
    runNext()
  }

  const onRoomError = (thrown: unknown) =>
    onError(new PartylineServerError('authorization-failed', 'a topic’s room could not be joined or left', thrown))

  function runNext(): void {
    while (running < MAX_AUTHORIZE_CALLS) {
      const [first] = waiting
      if (!first) return
      const [topic, run] = first
      waiting.delete(topic)
      running++
      void run()
        .catch(onRoomError)
        .finally(() => {
          running--
          runNext()
        })
    }
  }

  function join(topic: string, request: number | undefined): void {
    const known = pending.get(topic)
    if (known) known.request = request
    else if (socket.rooms.has(topicRoom(topic))) answer(topic, undefined, request)
    else if (count() >= limit) answer(topic, { message: `more than ${limit} topics` }, request)
    else enqueue(topic, { request })
  }

  async function leave(topic: string): Promise<void> {
    pending.delete(topic)
    waiting.delete(topic)
    await socket.leave(topicRoom(topic))
  }

  /** Asks `authorize` again for every topic, pending ones included. A topic whose right was taken away ends. */
  function recheck(): void {
    const topics = [...joinedRooms().map((room) => room.slice(TOPIC_PREFIX.length)), ...pending.keys()]
    for (const topic of new Set(topics)) enqueue(topic, { request: pending.get(topic)?.request })
  }

  /** `endTopic` of any process: the result of an `authorize` that still runs may be out of date. */
  function onOutgoing(event: unknown, metadata: unknown): void {
    if (event !== RESERVED || typeof metadata !== 'object' || metadata === null) return
    const { topic, ok, request } = metadata as Record<string, unknown>
    const known = pending.get(topic as string)
    if (known && ok === false && request === undefined) enqueue(topic as string, { request: known.request })
  }

  socket.on(`${RESERVED}:join`, (message) => {
    const { topics, request } = readTopicMessage(message, limit)
    for (const topic of topics) join(topic, request)
  })
  socket.on(`${RESERVED}:leave`, (message) => {
    for (const topic of readTopicMessage(message, limit).topics) leave(topic).catch(onRoomError)
  })
  if (access) socket.onAnyOutgoing(onOutgoing)
  // The socket is in the rooms of its former connection already. A right may have been taken away since then.
  if (socket.recovered) recheck()
  return { recheck }
}

/** Reads a client's message, which may be anything. */
function readTopicMessage(
  message: unknown,
  limit: number,
): { readonly topics: readonly string[]; readonly request: number | undefined } {
  const { topics, request } = (typeof message === 'object' && message !== null ? message : {}) as Record<
    string,
    unknown
  >
  // One more than allowed, so that the client gets the refusal.
  const list = Array.isArray(topics) ? topics.slice(0, limit + 1).filter(isTopic) : []
  return { topics: [...new Set(list)], request: typeof request === 'number' ? request : undefined }
}

function isTopic(value: unknown): value is string {
  try {
    checkTopic(value)
    return true
  } catch {
    return false
  }
}
