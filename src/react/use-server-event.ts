'use client'

import { useEffect } from 'react'
import type { AnyLine, HandlerOptions, Line, MetadataOf, RegisteredEvents } from '../tab/line.js'
import type { Messages } from '../tab/message.js'
import { useLine } from './context.js'
import { useLatest } from './use-latest.js'

type ServerEventArguments = readonly [event: string, handler: (metadata: unknown) => void, options?: HandlerOptions]

/**
 * Calls the handler with each event's metadata, while the component is mounted. The newest handler is used. `in` says
 * in which tabs, as in `line.on`. Default: in every tab.
 * @param line - May be left out: the line of the `PartylineProvider` around, with the events of `Register`. Throws when
 * there is none.
 */
export function useServerEvent<Events, E extends keyof Events & string, Sends = Messages>(
  line: Line<Events, Sends>,
  event: E,
  handler: (metadata: MetadataOf<Events[E]>) => void,
  options?: HandlerOptions,
): void
export function useServerEvent<E extends keyof RegisteredEvents & string>(
  event: E,
  handler: (metadata: MetadataOf<RegisteredEvents[E]>) => void,
  options?: HandlerOptions,
): void
export function useServerEvent(...given: unknown[]): void {
  const line = typeof given[0] === 'string' ? undefined : (given[0] as AnyLine)
  const [event, handler, { in: place } = {}] = (line ? given.slice(1) : given) as unknown as ServerEventArguments
  const found = useLine(line) as Line<Record<string, unknown>>
  const latest = useLatest(handler)
  useEffect(() => found.on(event, (metadata) => latest.current(metadata), { in: place }), [found, event, latest, place])
}
