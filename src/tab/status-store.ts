import type { LinkState } from '../link/link-options.js'
import type { Report } from '../util/errors.js'
import { createListeners } from '../util/listeners.js'
import { type Gap, IDLE, type Status } from '../wire/status.js'

/** Keeps the status: one immutable object, replaced only when something in it has changed. */
export function createStatusStore(now: () => number, report: Report) {
  const listeners = createListeners<void>(report, 'subscribe')
  let status: Status = { ...IDLE, since: now() }
  let everConnected = false

  function set(change: Partial<Status>): void {
    const next = { ...status, ...change } as Status
    const fields = new Set([...Object.keys(status), ...Object.keys(next)]) as Set<keyof Status>
    fields.delete('since')
    if ([...fields].every((field) => Object.is(status[field], next[field]))) return
    status = next.name === status.name ? next : { ...next, since: now() }
    listeners.emit()
  }

  /** The link knows where the hub is, the hub knows the state of its socket; the status is both. */
  function nameOf({ phase, socket, reason }: LinkState): Pick<Status, 'name' | 'reason'> {
    if (phase === 'signed-out') return { name: 'signed-out', reason: reason ?? 'signed out' }
    if (phase === 'attached' && socket) {
      return { name: socket.name, reason: 'reason' in socket ? socket.reason : undefined }
    }
    if (phase === 'parked') return { name: 'disconnected', reason: 'this page is frozen or in the back/forward cache' }
    return everConnected
      ? { name: 'disconnected', reason: reason ?? 'looking for a hub' }
      : { name: 'connecting', reason }
  }

  return {
    get: () => status,
    subscribe: listeners.add,
    begin(): void {
      everConnected = false
      set({ ...IDLE, name: 'connecting', since: now(), reason: undefined })
    },
    /** The session can't be opened yet. */
    opening: (reason: string) => set({ name: 'connecting', reason }),
    idle: () => set({ ...IDLE, since: now(), reason: undefined }),
    /** Before there is a link to say so. */
    signedOut: (reason: string) => set({ name: 'signed-out', reason }),
    link(state: LinkState): void {
      if (state.phase === 'closed') return
      const { host, role, steps, tabs, epoch } = state
      const named = nameOf(state)
      everConnected ||= named.name === 'connected'
      set({ ...named, host, role, steps, tabs, epoch } as Partial<Status>)
    },
    gap: (lastGap: Gap) => set({ lastGap }),
    pending(pending: Status['pending']): void {
      const { count, since } = status.pending
      if (count !== pending.count || since !== pending.since) set({ pending })
      // Queries that are fetched on demand are not in the status.
      else listeners.emit()
    },
  }
}
