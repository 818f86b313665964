import { RESERVED } from '../wire/protocol.js'
import { callApp } from './app-calls.js'
import { envelopeOf } from './envelope.js'
import { type OnServerError, PartylineServerError } from './errors.js'
import type { NotifyOptions } from './events.js'
import { checkEvent, checkMetadata } from './metadata.js'

/** An event as it stands in your durable log. */
export interface LoggedEvent extends Pick<NotifyOptions, 'origin'> {
  readonly id: string | number
  readonly event: string
  /** @default {} */
  readonly metadata?: object | undefined
}

/** A list, or a generator that reads page by page. */
export type LoggedEvents = Iterable<LoggedEvent> | AsyncIterable<LoggedEvent>

interface ReplayOptions {
  readonly socket: { readonly connected: boolean }
  /** Reads the log: the app's `replay`. */
  readonly read: () => LoggedEvents | false | Promise<LoggedEvents | false>
  /** With more events than this, a refetch is cheaper. */
  readonly limit: number
  readonly emit: (event: string, metadata: object) => unknown
  readonly report: OnServerError
}

/** A replay may take this long. The client has given it up after two seconds, and refetches. */
const SERVER_REPLAY_TIMEOUT_MS = 10_000

/** Sends a socket the events that it missed, in order, and then whether these were all: if not, the client refetches. */
export async function replayMissed({ socket, read, limit, emit, report }: ReplayOptions): Promise<void> {
  let isOver = false
  let replayed = false
  /** True if all were sent. Throws for an event that can't be. */
  async function run(): Promise<boolean> {
    const events = await read()
    if (events === false) return false
    let sent = 0
    for await (const { id, event, metadata = {}, origin } of events) {
      if (isOver || !socket.connected || sent++ === limit) return false
      checkEvent(event)
      checkMetadata(event, metadata)
      emit(event, { ...metadata, [RESERVED]: envelopeOf({ id, origin }) })
    }
    return true
  }
  try {
    replayed = await callApp(SERVER_REPLAY_TIMEOUT_MS, run)
  } catch (thrown) {
    report(new PartylineServerError('replay-failed', 'events could not be replayed', thrown))
  }
  isOver = true
  // If some events are missing, the client refetches without waiting for more.
  emit(RESERVED, { replayed })
}
