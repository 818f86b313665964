import { envelopeOf } from './envelope.js'
import type { NotifyOptions } from './events.js'
import { checkEvent, checkMetadata } from './metadata.js'

/** An event as your durable log has it. */
export interface LoggedEvent extends Pick<NotifyOptions, 'origin'> {
  readonly id: string | number
  readonly event: string
  /** @default {} */
  readonly metadata?: object | undefined
}

/** A list, or a generator that reads page by page. */
export type LoggedEvents = Iterable<LoggedEvent> | AsyncIterable<LoggedEvent>

/**
 * Sends a socket what it missed, in order. True when this was all; with more than `limit` events it is not, as to refetch
 * is cheaper then. Throws for an event that can't be sent.
 */
export async function replayTo(
  socket: { readonly connected: boolean },
  emit: (event: string, metadata: object) => unknown,
  events: LoggedEvents,
  limit: number,
): Promise<boolean> {
  let sent = 0
  for await (const { id, event, metadata = {}, origin } of events) {
    if (!socket.connected || sent++ === limit) return false
    checkEvent(event)
    checkMetadata(event, metadata)
    emit(event, { ...metadata, _line: envelopeOf({ id, origin }) })
  }
  return true
}
