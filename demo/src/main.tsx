import { QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.js'
import { errors } from './errors.js'
import { queryClient } from './query-client.js'
import { line } from './realtime.js'
import { watchSession } from './session.js'
import { watchSnapshot } from './snapshot.js'
import './styles/index.css'

declare global {
  interface Window {
    /** For the console, and for the end-to-end tests. */
    ledger: { line: typeof line; queryClient: typeof queryClient; errors: typeof errors }
  }
}
window.ledger = { line, queryClient, errors }

watchSnapshot()
watchSession()

const root = document.getElementById('root')
if (!root) throw new Error('The page has no #root.')
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
)
