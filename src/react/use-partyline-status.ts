'use client'

import { useSyncExternalStore } from 'react'
import { IDLE, type Status } from '../wire/status.js'
import { type AnyLine, useLine } from './context.js'

/** A server renders this status, and its page is hydrated with the same one, whatever the status is by then. */
const getOnServer = (): Status => IDLE

/**
 * The status of a line, kept up to date.
 * @param line - Default: the line of the `PartylineProvider` around. Throws when there is neither.
 */
export function usePartylineStatus(line?: AnyLine): Status {
  const found = useLine(line)
  return useSyncExternalStore(found.subscribe, () => found.status, getOnServer)
}
