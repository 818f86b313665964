import type { HubEnvironment } from '../platform/environment.js'
import { type Metadata, RESERVED, type TopicAnswer } from '../wire/protocol.js'
import type { Tab, TabRegistry } from './tab-registry.js'

/** A topic is left this long (ms) after its last tab: a reload and a change of page do not leave and join it. */
const GRACE = 1_000
/** How long (ms) the server may take to answer, and how often it is asked. */
const ANSWER = 5_000
const TRIES = 3

interface Room {
  /** The number of the last question, 0 before the first one; an answer to any other is too late. */
  request: number
  /** Absent while it is asked for, and while there is no connection. */
  answer?: TopicAnswer | undefined
  /** Since when it has been joined, over all connections that went on where the last one ended. */
  at?: number | undefined
  leaving?: (() => void) | undefined
}

/**
 * Joins at the server what any tab uses: it hears of the first tab and of the last. After every connection all of them are
 * joined anew, since what the server still knows can't be seen from here, and to join twice is nothing.
 *
 * Events between a tab's fetch and the join may be missed. So every tab that uses a topic is told since when it has been
 * joined without a break, and takes what it asked for before that for stale. The moment is that of the server's answer,
 * which comes after it has let this browser in. It stays the same only where the transport itself has recovered the
 * connection, rooms and missed events included. A replay from the cursor does not keep it: the server replays before it
 * knows of the topics. Since a browser's tabs all hear everything, a tab that joins later than others has nothing to fetch.
 */
export function createTopics(
  tabs: TabRegistry,
  { timers, clock }: Pick<HubEnvironment, 'timers' | 'clock'>,
  send: (event: string, metadata: Metadata) => void,
) {
  const rooms = new Map<string, Room>()
  let up = false
  let asked = 0

  const inUse = (): ReadonlySet<string> => new Set(tabs.all().flatMap((tab) => [...tab.topics]))

  function ask(topics: readonly string[]): void {
    if (!up || topics.length === 0) return
    const number = ++asked
    for (const topic of topics) Object.assign(rooms.get(topic) as Room, { request: number, answer: undefined })
    say(number, 1)
  }

  function say(number: number, time: number): void {
    const open = [...rooms].filter(([, room]) => room.request === number && !room.answer).map(([topic]) => topic)
    if (!up || open.length === 0) return
    if (time > TRIES) {
      const message = `the server has not answered ${TRIES} times: it does not seem to know of topics`
      for (const topic of open) settle({ topic, ok: false, name: 'failed', message })
      return
    }
    send(`${RESERVED}:join`, { topics: open, request: number })
    timers.after(ANSWER, () => say(number, time + 1))
  }

  function settle(answer: TopicAnswer): void {
    const { topic } = answer
    const room = rooms.get(topic) as Room
    room.answer = answer
    room.at = answer.ok ? answer.at : undefined
    for (const tab of tabs.all()) if (tab.topics.has(topic)) tab.endpoint.postMessage({ kind: 'topic', ...answer })
  }

  function leave(topic: string): void {
    const answer = rooms.get(topic)?.answer
    // Where the server has said no there is nothing to leave.
    if (answer?.ok !== false || answer.name !== 'refused') send(`${RESERVED}:leave`, { topics: [topic] })
    rooms.delete(topic)
  }

  /** Which topics are used may have changed. */
  function update(): void {
    const used = inUse()
    const fresh = [...used].filter((topic) => !rooms.has(topic))
    for (const topic of fresh) rooms.set(topic, { request: 0 })
    ask(fresh)
    for (const [topic, room] of rooms) {
      if (used.has(topic)) {
        room.leaving?.()
        room.leaving = undefined
        continue
      }
      room.leaving ??= timers.after(GRACE, () => {
        // Without a connection it is kept: the next one may find itself in the room.
        if (up) leave(topic)
      })
    }
  }

  const answersFor = (tab: Tab): readonly TopicAnswer[] =>
    [...tab.topics].flatMap((topic) => rooms.get(topic)?.answer ?? [])

  return {
    update,
    answersFor,
    /** A tab uses these topics from now on. */
    use(tab: Tab, topics: readonly string[]): void {
      const before = tab.topics
      tab.topics = new Set(topics)
      update()
      for (const answer of answersFor(tab))
        if (!before.has(answer.topic)) tab.endpoint.postMessage({ kind: 'topic', ...answer })
    },
    up(recovered: boolean): void {
      up = true
      const used = inUse()
      for (const [topic, room] of [...rooms]) {
        if (!recovered) room.at = undefined
        if (used.has(topic)) continue
        room.leaving?.()
        if (recovered && room.request > 0) leave(topic)
        else rooms.delete(topic)
      }
      ask([...rooms.keys()])
    },
    down(): void {
      up = false
      for (const room of rooms.values()) room.answer = undefined
    },
    /** What the server says of a topic: an answer, or of its own accord that it has taken it away. */
    hear({ topic, ok, request: number, message }: Metadata): void {
      const room = rooms.get(topic as string)
      if (!room || (number === undefined ? ok === true : !up || number !== room.request)) return
      // Sent on by a connection that is being recovered: it was not in the topic all the while.
      if (!up) {
        room.at = undefined
        return
      }
      const { answer } = room
      const before = answer && (answer.ok ? 'joined' : answer.name)
      // A question that was asked twice is answered twice.
      if (before === (ok === true ? 'joined' : 'refused')) return
      settle(
        ok === true
          ? { topic: topic as string, ok, at: room.at ?? clock.now() }
          : {
              topic: topic as string,
              ok: false,
              name: 'refused',
              message: typeof message === 'string' ? message : 'the server refused it',
            },
      )
    },
    /** There are other credentials: what was refused may be allowed now. */
    again: (): void => ask([...rooms].filter(([, room]) => room.answer?.ok === false).map(([topic]) => topic)),
    close(): void {
      for (const { leaving } of rooms.values()) leaving?.()
      rooms.clear()
    },
  }
}
