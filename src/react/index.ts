'use client'

export { PartylineProvider, type PartylineProviderProps } from './provider.js'
export { useServerEvent } from './use-server-event.js'
export { usePartyline, type UsePartylineOptions } from './use-partyline.js'
export { usePartylineStatus } from './use-partyline-status.js'
