import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.js'
import { errors, line } from './realtime.js'
import './styles/index.css'

// Nothing refetches by itself: Partyline causes every change that you see.
const queryClient = new QueryClient({
  defaultOptions: {
    queries: { staleTime: Number.POSITIVE_INFINITY, refetchOnWindowFocus: false, refetchOnReconnect: false },
  },
})

declare global {
  interface Window {
    /** For the console, and for the tests. */
    bank: { line: typeof line; queryClient: QueryClient; errors: typeof errors }
  }
}
window.bank = { line, queryClient, errors }

const root = document.getElementById('root')
if (!root) throw new Error('The page has no #root.')
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
)
