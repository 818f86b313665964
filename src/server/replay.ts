import type { NotifyOptions } from './events.js'
import { markOf } from './mark.js'
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

/** The socket, as far as a replay needs it. */
export interface ReplaySocket {
  readonly connected: boolean
  emit(event: string, metadata: object): unknown
}

/**
 * Sends a socket what it missed, in order, and then says that this was all. With more than `limit` events it says
 * nothing: to refetch is cheaper then. Throws for an event that can't be sent.
 */
export async function replayTo(socket: ReplaySocket, events: LoggedEvents, limit: number): Promise<void> {
  let sent = 0
  for await (const { id, event, metadata = {}, origin } of events) {
    if (!socket.connected || sent++ === limit) return
    checkEvent(event)
    checkMetadata(event, metadata)
    socket.emit(event, { ...metadata, _line: markOf({ id, origin }) })
  }
  if (socket.connected) socket.emit('_line', { replayed: true })
}
