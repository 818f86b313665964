'use client'

import { useSyncExternalStore } from 'react'
import type { Status } from '../status.js'
import { type AnyLine, useLine } from './context.js'

/** What a server renders; its page is hydrated with the same, wherever the line stands by then. */
const ON_SERVER: Status = {
  name: 'idle',
  host: undefined,
  role: undefined,
  steps: [],
  tabs: 0,
  since: 0,
  epoch: undefined,
  lastGap: undefined,
  fenced: 0,
}
const getOnServer = () => ON_SERVER

/**
 * Where a line stands, kept up to date.
 * @param line - Default: the one of the `PartylineProvider` around. Throws when there is neither.
 */
export function usePartylineStatus(line?: AnyLine): Status {
  const found = useLine(line)
  return useSyncExternalStore(found.subscribe, () => found.status, getOnServer)
}
