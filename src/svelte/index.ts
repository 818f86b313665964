export { providePartyline, type UsePartylineOptions, usePartyline } from './provide-partyline.js'
export { type UsePendingChanges, usePartylineStatus, usePendingChanges, useServerEvent, useTopic } from './stores.js'
