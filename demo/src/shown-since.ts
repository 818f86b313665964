import { createStore } from './store.js'

const read = () => (document.visibilityState === 'hidden' ? undefined : Date.now())

/** Since when somebody can see this page (ms since the Unix epoch). Undefined while nobody can. */
export const shownSince = createStore(read())

document.addEventListener('visibilitychange', () => {
  const isShown = document.visibilityState !== 'hidden'
  if (isShown !== (shownSince.get() !== undefined)) shownSince.set(read())
})
