/** JSON metadata of an event: a plain object, small, and not the data itself. */
export type Metadata = Readonly<Record<string, unknown>>

/** What may be said with one call, whatever the event. */
export interface NotifyOptions {
  /** The event's number in a durable log of yours, from which `replay` can go on. */
  readonly id?: string | number
  /** Which request caused it, as `originOf(request)` says; `from(request)` fills it in. */
  readonly origin?: string | undefined
  /**
   * Clients put their refetch off by a random time up to this many milliseconds. For what reaches very many at once.
   * @default 0
   */
  readonly spread?: number
}

/** Metadata and options; metadata may be left out where the event's type asks for none. */
export type NotifyArguments<M> =
  Record<never, never> extends M
    ? [metadata?: unknown extends M ? Metadata : M, options?: NotifyOptions]
    : [metadata: M, options?: NotifyOptions]

/** The name of an event that the map knows. */
export type EventName<Events> = keyof Events & string

/** Any event with any metadata: what a notifier takes that was not told its events. */
export type AnyEvents = Record<string, Metadata>
