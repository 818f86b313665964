import type { Locks } from '../platform/environment.js'

/** Carries a step from a page to its browser, or back: at once, in a microtask, or as a task that takes its time. */
export type Carry = (run: () => void) => void

interface Request {
  /** Calls the holder's callback; the lock is held already. */
  grant(): void
  /** Takes the granted lock away. */
  steal(): void
}

const atOnce: Carry = (run) => run()
const inMicrotask: Carry = (run) => void Promise.resolve().then(run)

/**
 * Web Locks, exclusive mode only: one holder a name, the others in line; who steals goes before all of them. The browser
 * keeps the line: a lock is held from the moment that it is its request's turn, even if the page can't hear of it yet.
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
    /** Who holds or waits for a lock of that name. */
    count: (name: string) => lines.get(name)?.length ?? 0,
    names: () => [...lines.keys()],
    /** One page's access to them. `ask` carries to the browser, `answer` back to the page. */
    client(ask: Carry = atOnce, answer: Carry = inMicrotask) {
      const mine = new Map<Request, string>()
      let crashed = false
      const locks: Locks = {
        request(name, { signal, steal }, held) {
          return new Promise((resolve, reject) => {
            // What is left of a crashed tab's code must not go on: no answer ever comes.
            if (crashed) return
            if (signal && steal) throw new DOMException('signal and steal together', 'NotSupportedError')
            if (signal?.aborted) return reject(signal.reason)
            let state: 'waiting' | 'running' | 'over' = 'waiting'
            const leave = () => {
              mine.delete(request)
              release(name, request)
            }
            const abort = () => {
              state = 'over'
              reject(signal?.reason)
              ask(leave)
            }
            const request: Request = {
              grant() {
                answer(() => {
                  // Called off while word of it was under way.
                  if (state === 'over') return
                  state = 'running'
                  signal?.removeEventListener('abort', abort)
                  const finish = () => {
                    state = 'over'
                    ask(leave)
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
                // What its callback does from here on is of no consequence, as in a browser.
                mine.delete(request)
                answer(() =>
                  reject(new DOMException("Lock broken by another request with the 'steal' option.", 'AbortError')),
                )
              },
            }
            signal?.addEventListener('abort', abort, { once: true })
            ask(() => {
              if (crashed || state === 'over') return
              mine.set(request, name)
              join(name, request, steal === true)
            })
          })
        },
      }
      const crash = () => {
        crashed = true
        for (const [request, name] of mine) release(name, request)
        mine.clear()
      }
      return {
        locks,
        crash,
        /** The names of the locks that this page holds or waits for, one for each. */
        names: () => [...mine.values()],
      }
    },
  }
}
