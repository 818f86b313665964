import type { Metadata } from '../wire/protocol.js'

/** Options of one call of a notifier, for any event. */
export interface NotifyOptions {
  /** The event's number in a durable log of yours. `replay` continues from it. */
  readonly id?: string | number
  /** The request that caused the event, as `originOf(request)` returns it. `from(request)` fills it in. */
  readonly origin?: string | undefined
  /**
   * Clients delay their refetch by a random time up to this many milliseconds. For events that reach very many browsers at once.
   * @default 0
   */
  readonly spreadMs?: number
  /**
   * Clients refetch once more, this many milliseconds after the first time: for data that is read from a replica or a cache which
   * may not have the change yet.
   * @default 0
   */
  readonly againMs?: number
  /**
   * The one tab that the event is for, as what it sent said in `_line.tab`. The user's other tabs get the event neither now nor
   * later.
   */
  readonly tab?: string | undefined
  /** The id of the trace that the event belongs to. Records and receipts of the browsers carry it. 100 characters at most. */
  readonly trace?: string | undefined
}

/** Metadata and options. Metadata may be left out where the event's type requires no field. */
export type NotifyArguments<M> =
  Record<never, never> extends M
    ? [metadata?: unknown extends M ? Metadata : M, options?: NotifyOptions]
    : [metadata: M, options?: NotifyOptions]

/** The name of an event of the map. */
export type EventName<Events> = keyof Events & string

/** Any event with any metadata: the map of a notifier that was given none. */
export type AnyEvents = Record<string, Metadata>
