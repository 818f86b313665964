/**
 * The provider and the hooks for React.
 * @module partyline/react
 */

'use client'

export { PartylineProvider, type PartylineProviderProps } from './provider.js'
export { type UsePartylineOptions, usePartyline } from './use-partyline.js'
export { usePartylineStatus } from './use-partyline-status.js'
export { type UsePendingChanges, usePendingChanges } from './use-pending-changes.js'
export { useServerEvent } from './use-server-event.js'
export { useTopic } from './use-topic.js'
