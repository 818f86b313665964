import { RESERVED } from '../wire/protocol.js'
import { envelopeOf } from './envelope.js'
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
  readonly emit: (event: string, metadata: object) => unknown
  readonly events: LoggedEvents
  /** With more events than this, a refetch is cheaper. */
  readonly limit: number
}

/** Sends a socket the events that it missed, in order. True if these were all. Throws for an event that can't be sent. */
export async function replayTo({ socket, emit, events, limit }: ReplayOptions): Promise<boolean> {
  let sent = 0
  for await (const { id, event, metadata = {}, origin } of events) {
    if (!socket.connected || sent++ === limit) return false
    checkEvent(event)
    checkMetadata(event, metadata)
    emit(event, { ...metadata, [RESERVED]: envelopeOf({ id, origin }) })
  }
  return true
}
