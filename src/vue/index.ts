export { usePartylineStatus, usePendingChanges, useServerEvent, useTopic } from './composables.js'
export { providePartyline, type UsePartylineOptions, usePartyline } from './provide-partyline.js'
