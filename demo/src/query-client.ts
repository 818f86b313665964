import { QueryClient } from '@tanstack/react-query'
import { ApiError } from './api.js'

/**
 * Nothing here refetches by itself: data stays fresh for ever, and neither focus nor a returning network refetches. So
 * every fetch that you see in this app after a screen's first one is Partyline's doing.
 */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: Number.POSITIVE_INFINITY,
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
      // The server's "no" stays a "no". Only what it did not answer, or did not mean to answer, is worth another try.
      retry: (failures, error) =>
        failures < 3 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
    },
  },
})
