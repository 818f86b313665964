/** A page that lives long: it keeps nothing of what it has received, so that whatever grows is the library's. `?host=` forces a host. */
import { createPartyline, type Host } from 'partyline'
import { attached, client, run } from './app.js'
import type { Change, Tick } from './events.js'

/** What the runner reads. */
export interface SoakPage {
  /** Events that a handler was called for. */
  received: number
  /** Unmounts, and mounts again until it is connected, one after the other. */
  remount(times: number): Promise<void>
}

declare global {
  interface Window {
    soak: SoakPage
  }
}

const host = (new URLSearchParams(location.search).get('host') ?? 'auto') as 'auto' | Host
const line = createPartyline({
  invalidates: {
    tick: { touches: [], targets: (_: Tick & Record<string, unknown>) => [] },
    changed: {
      touches: ['transactions', 'balance'],
      targets: (m: Change) => [
        { queryKey: ['transactions'], scope: { accountId: m.accountId, type: m.type } },
        ['balance', m.accountId],
      ],
    },
  },
  host,
  socket: { query: { run } },
})
const count = () => void window.soak.received++
line.on('tick', count)
line.on('changed', count)

const mount = () => line.mount({ queryClient: client, identity: run })
let unmount = mount()

const isUp = () => line.status.name === 'connected'
function connected(): Promise<void> {
  if (isUp()) return Promise.resolve()
  return new Promise((resolve) => {
    const stop = line.subscribe(() => {
      if (!isUp()) return
      stop()
      resolve()
    })
  })
}
void connected().then(attached)

window.soak = {
  received: 0,
  async remount(times) {
    for (let time = 0; time < times; time++) {
      unmount()
      // A task of its own, so that the session ends, and is not joined by the next mount.
      await new Promise((resolve) => setTimeout(resolve))
      unmount = mount()
      await connected()
    }
  },
}
