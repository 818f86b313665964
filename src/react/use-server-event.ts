'use client'

import { useEffect } from 'react'
import type { HandlerOptions, Line, MetadataOf } from '../tab/line.js'
import type { Messages } from '../tab/message.js'
import { useLatest } from './use-latest.js'

/**
 * Calls the handler with each event's metadata, while the component is mounted. The newest handler is used. `in`: in which tabs;
 * see `line.on`. Default: in every tab.
 */
export function useServerEvent<Events, E extends keyof Events & string, Sends = Messages>(
  line: Line<Events, Sends>,
  event: E,
  handler: (metadata: MetadataOf<Events[E]>) => void,
  { in: place }: HandlerOptions = {},
): void {
  const latest = useLatest(handler)
  useEffect(() => line.on(event, (metadata) => latest.current(metadata), { in: place }), [line, event, latest, place])
}
