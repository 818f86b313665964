import type { ViewName } from './views.js'

/** What the panel remembers from one page to the next. */
export interface Remembered {
  isOpen: boolean
  view: ViewName
  dock: 'bottom' | 'right'
  heightPx: number
  widthPx: number
}

const NAME = 'partyline-devtools'

/** Storage may be missing or refuse: then nothing is remembered. */
export function createMemory(window: Window, defaults: Remembered) {
  let now = { ...defaults, ...read(window, defaults) }
  return {
    get now(): Readonly<Remembered> {
      return now
    },
    set(change: Partial<Remembered>): void {
      now = { ...now, ...change }
      try {
        window.localStorage.setItem(NAME, JSON.stringify(now))
      } catch {}
    },
  }
}

/** What was stored, as far as it is of the type that it should be of. */
function read(window: Window, defaults: Remembered): Partial<Remembered> {
  try {
    const stored: unknown = JSON.parse(window.localStorage.getItem(NAME) ?? 'null')
    const fields = Object.entries(stored ?? {})
    return Object.fromEntries(
      fields.filter(([name, value]) => typeof value === typeof defaults[name as keyof Remembered]),
    )
  } catch {
    return {}
  }
}
