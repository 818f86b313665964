export {
  type UsePendingChanges,
  usePartylineStatus,
  usePendingChanges,
  useServerEvent,
  useTopic,
} from './primitives.js'
export { PartylineProvider, type PartylineProviderProps, type UsePartylineOptions, usePartyline } from './provider.js'
