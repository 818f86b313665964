'use client'

import { useSyncExternalStore } from 'react'
import type { Status } from '../status.js'
import { type AnyLine, useLine } from './context.js'

/**
 * Where a line stands, kept up to date.
 * @param line - Default: the one of the `PartylineProvider` around. Throws when there is neither.
 */
export function usePartylineStatus(line?: AnyLine): Status {
  const found = useLine(line)
  const get = () => found.status
  return useSyncExternalStore(found.subscribe, get, get)
}
