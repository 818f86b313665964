import type { Machine } from './machine.js'
import type { Realm } from './realm.js'

/** The server's heartbeat, as Socket.IO has it by default. */
const SERVER_PING_MS = { interval: 25_000, timeout: 20_000 }

/** Pings at an interval; a client that does not answer is dropped. */
export function createHeartbeat({ after }: Machine['time'], ping: () => void, onSilence: () => void) {
  let stop = (): void => undefined
  return {
    /** Starts, or restarts after an answer. */
    start(): void {
      stop()
      stop = after(SERVER_PING_MS.interval, () => {
        ping()
        stop = after(SERVER_PING_MS.timeout, onSilence)
      })
    },
    stop: () => stop(),
  }
}

/** Missing pings of the server are the only sign of a dead connection. */
export function createPingTimeout(realm: Realm) {
  let cancel: (() => void) | undefined
  return {
    start(onSilence: () => void): void {
      cancel?.()
      cancel = realm.after(SERVER_PING_MS.interval + SERVER_PING_MS.timeout, onSilence)
    },
    stop(): void {
      cancel?.()
      cancel = undefined
    },
  }
}
