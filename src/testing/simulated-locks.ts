import type { Locks } from '../platform/environment.js'

/** Carries a step from a page to its browser, or back: at once, in a microtask, or as a later task. */
export type Carry = (run: () => void) => void

interface Request {
  /** Calls the holder's callback; the lock is held already. */
  grant(): void
  /** Takes the granted lock away. */
  steal(): void
}

const immediately: Carry = (run) => run()
export const inMicrotask: Carry = (run) => void Promise.resolve().then(run)

/**
 * Web Locks in memory, exclusive mode only: each name has one holder and a queue, and a steal goes before all. The browser
 * keeps the queue: a lock is held from the moment it is granted, even if the page has not been told yet.
 */
export function createSimulatedLocks() {
  const lines = new Map<string, Request[]>()

  function release(name: string, request: Request): void {
    const line = lines.get(name)
    if (!line) return
    const wasFirst = line[0] === request
    const rest = line.filter((other) => other !== request)
    if (rest.length === 0) lines.delete(name)
    else lines.set(name, rest)
    if (wasFirst) rest[0]?.grant()
  }

  function join(name: string, request: Request, steal: boolean): void {
    const line = lines.get(name) ?? []
    const [holder, ...queue] = line
    if (steal) holder?.steal()
    lines.set(name, steal ? [request, ...queue] : [...line, request])
    if (steal || !holder) request.grant()
  }

  return {
    /** How many requests hold or wait for a lock of that name. */
    count: (name: string) => lines.get(name)?.length ?? 0,
    names: () => [...lines.keys()],
    /** One page's access to them. `toBrowser` carries a request, `toPage` the answer. */
    client(toBrowser: Carry = immediately, toPage: Carry = inMicrotask) {
      const own = new Map<Request, string>()
      let crashed = false
      const locks: Locks = {
        request(name, { signal, steal }, held) {
          return new Promise((resolve, reject) => {
            // Code of a crashed page must not go on: no answer ever comes.
            if (crashed) return
            if (signal && steal) throw new DOMException('signal and steal together', 'NotSupportedError')
            if (signal?.aborted) return reject(signal.reason)
            let state: 'waiting' | 'running' | 'over' = 'waiting'
            const leave = () => {
              own.delete(request)
              release(name, request)
            }
            const abort = () => {
              state = 'over'
              reject(signal?.reason)
              toBrowser(leave)
            }
            const request: Request = {
              grant() {
                toPage(() => {
                  // It was aborted while the grant was on its way.
                  if (state === 'over') return
                  state = 'running'
                  signal?.removeEventListener('abort', abort)
                  const finish = () => {
                    state = 'over'
                    toBrowser(leave)
                  }
                  held().then(
                    () => {
                      finish()
                      resolve()
                    },
                    (thrown) => {
                      finish()
                      reject(thrown)
                    },
                  )
                })
              },
              steal() {
                // As in a browser, the callback of a stolen lock goes on without effect.
                own.delete(request)
                toPage(() =>
                  reject(new DOMException("Lock broken by another request with the 'steal' option.", 'AbortError')),
                )
              },
            }
            signal?.addEventListener('abort', abort, { once: true })
            toBrowser(() => {
              if (crashed || state === 'over') return
              own.set(request, name)
              join(name, request, steal === true)
            })
          })
        },
      }
      const crash = () => {
        crashed = true
        for (const [request, name] of own) release(name, request)
        own.clear()
      }
      return {
        locks,
        crash,
        /** The name of each lock that this page holds or waits for. */
        names: () => [...own.values()],
      }
    },
  }
}
