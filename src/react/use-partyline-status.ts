'use client'

import { useSyncExternalStore } from 'react'
import { IDLE, type Status } from '../wire/status.js'
import { type AnyLine, useLine } from './context.js'

/** What a server renders; its page is hydrated with the same, wherever the line stands by then. */
const getOnServer = (): Status => IDLE

/**
 * Where a line stands, kept up to date.
 * @param line - Default: the one of the `PartylineProvider` around. Throws when there is neither.
 */
export function usePartylineStatus(line?: AnyLine): Status {
  const found = useLine(line)
  return useSyncExternalStore(found.subscribe, () => found.status, getOnServer)
}
