import { PartylineServerError } from './errors.js'
import { checkTopic, TOPIC_PREFIX, topicRoom } from './rooms.js'

/** A socket of Socket.IO's server, as far as topics need it. */
export interface TopicSocket {
  readonly connected: boolean
  readonly recovered: boolean
  readonly rooms: ReadonlySet<string>
  join(room: string): unknown
  leave(room: string): unknown
  on(event: string, listener: (...args: unknown[]) => void): unknown
  onAnyOutgoing(listener: (...args: unknown[]) => void): unknown
}

export interface TopicsOptions<S, T> {
  /**
   * Says whether this session may join a topic. False is a refusal, a string one with a reason that the client shows. A throw
   * is one too, but what was thrown goes to `onError` only. Asked again for each topic when credentials are renewed.
   */
  readonly authorize: (session: T, topic: string, socket: S) => Verdict | Promise<Verdict>
  /**
   * How many topics one browser may be in at once.
   * @default 500
   */
  readonly limit?: number
}

type Verdict = boolean | string

/** So many questions of one socket are with `authorize` at a time. */
const AT_ONCE = 8

interface Question {
  /** The client's number for it; absent if it was not the client who asked. */
  request?: number | undefined
}

/**
 * Lets one socket into topics: a room for each, with a prefix of its own, so that no client gets into another room by asking for
 * a topic. What it may join is asked of the app; without an answer to ask for, nothing.
 */
export function serveTopics<S extends TopicSocket, T>(
  socket: S,
  options: TopicsOptions<S, T> | undefined,
  session: () => T,
  emit: (event: string, metadata: object) => unknown,
  fault: (error: PartylineServerError) => void,
): { readonly recheck: () => void } {
  const limit = options?.limit ?? 500
  /** What is being asked, and waits to be. One that is left meanwhile is no longer here. */
  const questions = new Map<string, Question>()
  /** Of these, those that wait, oldest first. By topic, so that a client that joins and leaves in a loop makes no queue. */
  const waiting = new Map<string, () => Promise<void>>()
  let running = 0

  const joined = () => [...socket.rooms].filter((room) => room.startsWith(TOPIC_PREFIX))
  const used = () => new Set([...joined(), ...[...questions.keys()].map(topicRoom)]).size
  const say = (topic: string, refusal: string | undefined, request: number | undefined) => {
    const said = refusal === undefined ? { ok: true } : { ok: false, message: refusal }
    emit('_line', { topic, ...said, ...(request !== undefined && { request }) })
  }

  /** The reason why not, if there is one. */
  async function refusalOf(topic: string): Promise<string | undefined> {
    if (!options) return 'this server has no topics'
    try {
      const verdict = await options.authorize(session(), topic, socket)
      if (verdict === true) return undefined
      return typeof verdict === 'string' && verdict !== '' ? verdict : 'not allowed'
    } catch (thrown) {
      fault(new PartylineServerError('authorization-failed', `authorize threw for the topic '${topic}'`, thrown))
      return 'not allowed'
    }
  }

  function put(topic: string, question: Question): void {
    questions.set(topic, question)
    waiting.set(topic, async () => {
      const isOver = () => !socket.connected || questions.get(topic) !== question
      if (isOver()) return
      const refusal = await refusalOf(topic)
      if (isOver()) return
      const room = topicRoom(topic)
      const wasIn = socket.rooms.has(room)
      // Awaited before the client hears of it: with some adapters joining takes a while, and events would fall in between.
      if (refusal === undefined) await socket.join(room)
      else await socket.leave(room)
      if (isOver()) return
      questions.delete(topic)
      const { request } = question
      if (request !== undefined || (wasIn && refusal !== undefined)) say(topic, refusal, request)
    })
    next()
  }

  const failed = (thrown: unknown) =>
    fault(new PartylineServerError('authorization-failed', 'a topic’s room could not be joined or left', thrown))

  function next(): void {
    while (running < AT_ONCE) {
      const [first] = waiting
      if (!first) return
      const [topic, run] = first
      waiting.delete(topic)
      running++
      void run()
        .catch(failed)
        .finally(() => {
          running--
          next()
        })
    }
  }

  function join(topic: string, request: number | undefined): void {
    const asked = questions.get(topic)
    if (asked) asked.request = request
    else if (socket.rooms.has(topicRoom(topic))) say(topic, undefined, request)
    else if (used() >= limit) say(topic, `more than ${limit} topics`, request)
    else put(topic, { request })
  }

  async function leave(topic: string): Promise<void> {
    questions.delete(topic)
    waiting.delete(topic)
    await socket.leave(topicRoom(topic))
  }

  /** Every right is asked for anew, those too that are being asked for now; one that was taken away ends its topic. */
  function recheck(): void {
    const topics = [...joined().map((room) => room.slice(TOPIC_PREFIX.length)), ...questions.keys()]
    for (const topic of new Set(topics)) put(topic, { request: questions.get(topic)?.request })
  }

  /** `endTopic`, of whatever process: what `authorize` is about to say of it may be out of date. */
  function hearEnd(event: unknown, said: unknown): void {
    if (event !== '_line' || typeof said !== 'object' || said === null) return
    const { topic, ok, request } = said as Record<string, unknown>
    const question = questions.get(topic as string)
    if (question && ok === false && request === undefined) put(topic as string, { request: question.request })
  }

  socket.on('_line:join', (said) => {
    const { topics, request } = read(said, limit)
    for (const topic of topics) join(topic, request)
  })
  socket.on('_line:leave', (said) => {
    for (const topic of read(said, limit).topics) leave(topic).catch(failed)
  })
  if (options) socket.onAnyOutgoing(hearEnd)
  // In the rooms of its former connection already; since then a right may have been taken away.
  if (socket.recovered) recheck()
  return { recheck }
}

/** What a client sent: anything, until it was looked at. */
function read(
  said: unknown,
  limit: number,
): { readonly topics: readonly string[]; readonly request: number | undefined } {
  const { topics, request } = (typeof said === 'object' && said !== null ? said : {}) as Record<string, unknown>
  // One more than allowed, so that the client hears of it.
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
