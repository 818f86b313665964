import { RESERVED } from '../wire/protocol.js'
import { type OnServerError, PartylineServerError } from './errors.js'
import { MAX_TOPICS } from './topics.js'

/** The part of a Socket.IO server socket through which everything goes that its client sends. */
export interface SendingSocket {
  /**
   * `packet`: an event's name, its arguments, and its acknowledgement. It goes no further without `next`, or if that is given an
   * error. False: nothing of it is taken, which an event stream tells its client.
   */
  use(middleware: (packet: readonly unknown[], next: (error?: Error) => void) => unknown): unknown
  disconnect(close: boolean): unknown
}

/** Twice what an honest browser sends at most: its seconds and the server's begin at different moments. */
const MAX_SENDS_PER_SECOND = 1_000
/** Of topics, a client may join and leave at least so many in a second, however few it may be in. */
const MIN_TOPICS_PER_SECOND = 1_000
/** Beyond so many times its limit, a client is sent no more answers. */
const MAX_EXCESS = 2

/** The client chooses the name that a report quotes. */
const MAX_EVENT_CHARACTERS = 100

/** Acknowledges what was not taken. */
export const TOO_MANY_SENDS = { ok: false, code: 'too-many', message: 'too many at once. Try again later' }

/** Throws `bad-option`: by a limit that is no number, every client would be disconnected. */
export function checkLimits({
  maxSendsPerSecond,
  topics,
}: Pick<SendLimitOptions, 'maxSendsPerSecond' | 'topics'>): void {
  for (const [option, limit] of Object.entries({ maxSendsPerSecond, 'topics.limit': topics?.limit })) {
    if (limit !== undefined && !(typeof limit === 'number' && limit > 0))
      throw new PartylineServerError('bad-option', `${option} has to be a number over 0`)
  }
}

export interface SendLimitOptions {
  readonly socket: SendingSocket
  readonly maxSendsPerSecond?: number
  readonly topics?: { readonly limit?: number } | undefined
  readonly emit: (event: string, word: object) => unknown
  readonly report: OnServerError
}

/** Takes no more from one client than its limit. A client that goes on is disconnected: nothing else makes it stop. */
export function limitSends({ socket, maxSendsPerSecond, topics, emit, report }: SendLimitOptions): void {
  const sends = createCount(maxSendsPerSecond ?? MAX_SENDS_PER_SECOND)
  // Of a longer list, no more is read. A client that comes back joins all of its topics at once.
  const mostNames = (topics?.limit ?? MAX_TOPICS) + 1
  const own = createCount(Math.max(MIN_TOPICS_PER_SECOND, 2 * mostNames))
  let isOver = false
  socket.use(([event, data, ...rest], next) => {
    if (isOver) return false
    // Renewals and pings count with the topics: they must not fail because an app takes few sends.
    const isOurs = typeof event === 'string' && event.startsWith(`${RESERVED}:`)
    const excess = isOurs ? own.add(Math.min(mostNames, countNames(data))) : sends.add(1)
    if (excess <= 1) return next()
    const acknowledge = rest.at(-1) ?? data
    if (excess <= MAX_EXCESS) {
      if (typeof acknowledge === 'function') acknowledge(TOO_MANY_SENDS)
      return false
    }
    isOver = true
    emit(RESERVED, TOO_MANY_SENDS)
    socket.disconnect(true)
    const last = JSON.stringify(String(event).slice(0, MAX_EVENT_CHARACTERS))
    report(new PartylineServerError('too-many-sends', `a client was disconnected: it sent too much, ${last} at last`))
    return false
  })
}

const countNames = (data: unknown): number => {
  const { topics } = Object(data) as { readonly topics?: unknown }
  return Array.isArray(topics) ? Math.max(1, topics.length) : 1
}

/** Counts by the second. Gives how much of the limit is used. */
function createCount(limit: number) {
  let second = 0
  let count = 0
  return {
    add(more: number): number {
      const current = Math.floor(performance.now() / 1_000)
      if (current !== second) {
        second = current
        count = 0
      }
      count += more
      return count / limit
    },
  }
}
