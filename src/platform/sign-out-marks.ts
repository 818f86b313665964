import type { HubEnvironment } from './environment.js'

/**
 * Marks that sign-outs leave in the browser, by app and identity. They outlive every hub: a tab that slept, or whose hub died in
 * that moment, finds the mark and ends its session.
 */
export interface SignOutMarks {
  /** The mark of the last sign-out; undefined when there was none, or it is not known. */
  read(who: string): string | undefined
  /** Leaves a new mark, which other tabs are told of. */
  write(who: string): void
  /** Calls back when another tab has left a mark, or may have done so while this page was away; returns the way to stop. */
  on(who: string, run: () => void): () => void
}

/** What a session knows of the sign-outs of its identity. It begins at the mount, which needs neither the code nor the url. */
export interface SignOutWatch {
  /** When the last sign-out was, seen from the mount. */
  last(): 'unknown' | 'before' | 'since'
  /** Leaves the mark of a sign-out. */
  mark(): void
  /** Calls back when another tab may have left a mark. Only the newest `run` is called. */
  onMark(run: () => void): void
  close(): void
}

/** Watches for sign-outs from now on. */
export function watchSignOuts(marks: SignOutMarks, who: string): SignOutWatch {
  const baseline = marks.read(who)
  let run: (() => void) | undefined
  const close = marks.on(who, () => run?.())
  return {
    last() {
      const mark = marks.read(who)
      return mark === undefined ? 'unknown' : mark === baseline ? 'before' : 'since'
    },
    mark: () => marks.write(who),
    onMark(next) {
      run = next
    },
    close,
  }
}

const nameOf = (who: string): string => `partyline/signed-out/${who}`

/** In localStorage; where that is missing or refuses, in memory, and told over a BroadcastChannel. */
export function createSignOutMarks({ openChannel, id }: Pick<HubEnvironment, 'openChannel' | 'id'>): SignOutMarks {
  /** What this page wrote, read or was told last: the app may clear the storage when its user signs out. */
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
    read(who) {
      const stored = readStored(nameOf(who))
      if (stored !== undefined) known.set(who, stored)
      return known.get(who)
    },
    write(who) {
      const mark = id()
      known.set(who, mark)
      if (!store(nameOf(who), mark)) tell(nameOf(who), mark)
    },
    on(who, run) {
      const name = nameOf(who)
      const ended = new AbortController()
      const learn = (mark: unknown) => {
        if (typeof mark !== 'string') return
        known.set(who, mark)
        run()
      }
      if (isStorage()) {
        const listener = ({ key: stored, newValue }: StorageEvent) => stored === name && learn(newValue)
        window.addEventListener('storage', listener, { signal: ended.signal })
        // A page in the back/forward cache gets no storage event, and a frozen one none in time.
        window.addEventListener('pageshow', run, { signal: ended.signal })
        document.addEventListener('resume', run, { signal: ended.signal })
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
