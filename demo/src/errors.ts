import { createStore } from './store.js'

/** What Partyline found wrong, oldest first. Also in `window.ledger.errors`, for tests and for the curious. */
export const errors: { code: string; message: string }[] = []

/** The files of this page's build are gone from the server: only a reload helps. */
export const isStaleBuild = createStore(false)

export function reportError({ code, message }: { code: string; message: string }): void {
  errors.push({ code, message })
  if (code === 'stale-build') isStaleBuild.set(true)
  console.warn(`Partyline (${code}): ${message}`)
}
