'use client'

import { useEffect } from 'react'
import type { Line, MetadataOf, RegisteredEvents } from '../tab/line.js'
import { type AnyLine, useLine } from './context.js'
import { useLatest } from './use-latest.js'

type Handler = (metadata: never) => void
type LineOfAny = Line<Record<string, unknown>>

/**
 * Calls the handler with each event's metadata, while the component is mounted. The newest handler is used.
 * @param line - May be left out: the line of the `PartylineProvider` around, with the events of `Register`. Throws when there is none.
 */
export function useServerEvent<Events, E extends keyof Events & string>(
  line: Line<Events>,
  event: E,
  handler: (metadata: MetadataOf<Events[E]>) => void,
): void
export function useServerEvent<E extends keyof RegisteredEvents & string>(
  event: E,
  handler: (metadata: MetadataOf<RegisteredEvents[E]>) => void,
): void
export function useServerEvent(...given: [AnyLine, string, Handler] | [string, Handler]): void {
  const [line, event, handler] = given.length === 3 ? given : [undefined, ...given]
  const found = useLine(line) as LineOfAny
  const latest = useLatest(handler)
  useEffect(() => found.on(event, (metadata) => latest.current(metadata as never)), [found, event, latest])
}
