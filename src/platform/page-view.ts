/** What an inspector says of this page. Apart from page.ts, which a line loads with its session. */
export const pageView = {
  isVisible: () => document.visibilityState !== 'hidden',
  title: () => document.title,
}

/** Where a developer asks for a line's records on the console, for all lines of this origin: any value will do. */
const DEBUG_ITEM = 'partyline:debug'

export function isDebugging(): boolean {
  try {
    return localStorage.getItem(DEBUG_ITEM) !== null
  } catch {
    // Missing, or it refuses.
    return false
  }
}
