import { QueryClient } from '@tanstack/react-query'
import { ApiError } from './api.js'

/**
 * Nothing here refetches by itself: data is fresh for ever, and neither focus nor a returning network refetches. So
 * Partyline causes every fetch that you see in this app after a screen's first one.
 */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: Number.POSITIVE_INFINITY,
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
      // A refusal is final. Only a request without an answer, or with a server error, is tried again.
      retry: (failures, error) =>
        failures < 3 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
    },
  },
})
