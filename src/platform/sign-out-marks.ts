import type { HubEnvironment } from './environment.js'

/**
 * Marks that sign-outs leave in the browser, by the line's key. They outlive every hub: a tab that slept, or whose hub died in
 * that moment, finds the mark and ends its session.
 */
export interface SignOutMarks {
  /** The mark of the last sign-out; undefined when there was none, or it is not known. */
  read(key: string): string | undefined
  /** Leaves a new mark, which other tabs are told of. */
  write(key: string): void
  /** Calls back when another tab has left a mark; returns the way to stop. */
  on(key: string, run: () => void): () => void
}

const nameOf = (key: string): string => `partyline/signed-out/${key}`

/** In localStorage; where that is missing or refuses, in memory, and told over a BroadcastChannel. */
export function createSignOutMarks({ openChannel, id }: Pick<HubEnvironment, 'openChannel' | 'id'>): SignOutMarks {
  /** What this page wrote, or was told: the app may clear the storage when its user signs out. */
  const known = new Map<string, string>()

  function tell(name: string, mark: string): void {
    try {
      const channel = openChannel?.(name)
      channel?.postMessage(mark)
      channel?.close()
    } catch {
      // A channel that refuses: the hub tells the other tabs.
    }
  }

  return {
    read: (key) => readStored(nameOf(key)) ?? known.get(key),
    write(key) {
      const mark = id()
      known.set(key, mark)
      if (!store(nameOf(key), mark)) tell(nameOf(key), mark)
    },
    on(key, run) {
      const name = nameOf(key)
      const ended = new AbortController()
      const learn = (mark: unknown) => {
        if (typeof mark !== 'string') return
        known.set(key, mark)
        run()
      }
      if (isStorage()) {
        const listener = ({ key: stored, newValue }: StorageEvent) => stored === name && learn(newValue)
        window.addEventListener('storage', listener, { signal: ended.signal })
        return () => ended.abort()
      }
      try {
        const channel = openChannel?.(name)
        const listener = ({ data }: MessageEvent) => learn(data)
        channel?.addEventListener('message', listener)
        return () => {
          channel?.removeEventListener('message', listener)
          channel?.close()
        }
      } catch {
        return () => undefined
      }
    },
  }
}

/** False also where the getter throws, as it does where the user blocks site data. */
function isStorage(): boolean {
  const name = nameOf('check')
  const isStored = store(name, '')
  if (isStored) localStorage.removeItem(name)
  return isStored
}

function store(name: string, value: string): boolean {
  try {
    localStorage.setItem(name, value)
    return true
  } catch {
    return false
  }
}

function readStored(name: string): string | undefined {
  try {
    return localStorage.getItem(name) ?? undefined
  } catch {
    return undefined
  }
}
