'use client'

import { useEffect } from 'react'
import type { Line, MetadataOf } from '../tab/line.js'
import type { Messages } from '../tab/message.js'
import { useLatest } from './use-latest.js'

/** Calls the handler with each event's metadata, while the component is mounted. The newest handler is used. */
export function useServerEvent<Events, E extends keyof Events & string, Sends = Messages>(
  line: Line<Events, Sends>,
  event: E,
  handler: (metadata: MetadataOf<Events[E]>) => void,
): void {
  const latest = useLatest(handler)
  useEffect(() => line.on(event, (metadata) => latest.current(metadata)), [line, event, latest])
}
