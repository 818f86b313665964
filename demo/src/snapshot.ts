import type { Inspection } from 'partyline'
import { line } from './realtime.js'
import { createStore } from './store.js'

const EVERY_MS = 2_000
const SOON_MS = 200

/** What the line says of itself, for the picture beside the bank. Everything else is the devtools'. */
export const snapshot = createStore<Inspection | undefined>(undefined)

let user = 0

/** The user has changed: an answer that is still on its way is the former one's. */
export function forgetSnapshot(): void {
  user += 1
  snapshot.set(undefined)
}

async function look(): Promise<void> {
  const asked = user
  const found = await line.inspect().catch(() => undefined)
  if (found && asked === user) snapshot.set(found)
}

let timer = 0

function lookIn(ms: number): void {
  clearTimeout(timer)
  timer = window.setTimeout(() => {
    const isSeen = document.visibilityState === 'visible' && line.status.name !== 'idle'
    void (isSeen ? look() : Promise.resolve()).then(() => lookIn(EVERY_MS))
  }, ms)
}

/** Keeps it up to date while somebody looks: a moment after something has happened, and now and then for the other tabs. */
export function watchSnapshot(): void {
  const soon = () => lookIn(SOON_MS)
  line.onReceipt(soon)
  line.subscribe(soon)
  document.addEventListener('visibilitychange', soon)
  soon()
}
