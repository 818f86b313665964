import type { LinePowers } from '../platform/line-powers.js'
import type { SharedWorkerSlice } from '../platform/shared-worker.js'
import { keyOf } from '../wire/key.js'
import type { Configuration } from './options.js'

/**
 * Workers that are started at the mount, while the code of a session is being loaded. One trace of
 * Chromium 156 on two cores: 72 ms from the start of a worker to its first message, and 61 ms until a session asked for one.
 */
export function createEarlyWorkers(
  { openSharedWorker, resolveUrl }: Pick<LinePowers, 'openSharedWorker' | 'resolveUrl'>,
  { name, url, host, transport, socket, envelope }: Configuration,
) {
  /** By key, until a session takes them. */
  const started = new Map<string, { readonly worker: SharedWorkerSlice; readonly waiting: AbortController }>()

  function take(key: string): SharedWorkerSlice | undefined {
    const early = started.get(key)
    early?.waiting.abort()
    started.delete(key)
    return early?.worker
  }

  return {
    open:
      openSharedWorker &&
      Object.assign((key: string) => take(key) ?? openSharedWorker(key), { script: openSharedWorker.script }),
    /** Gives the way to end it. Whatever fails here fails again, and is reported, when the session asks for it. */
    start(identity: string): () => void {
      if (typeof url !== 'string' || !openSharedWorker || (host !== 'auto' && host !== 'shared-worker'))
        return () => undefined
      let key = ''
      try {
        key = keyOf(name, { url: resolveUrl(url), identity, transport: transport.name, socket, envelope })
        const worker = openSharedWorker(key)
        const waiting = new AbortController()
        worker.addEventListener('error', () => void take(key), { signal: waiting.signal })
        started.set(key, { worker, waiting })
      } catch {
        // No address, or a policy of the page.
      }
      return () => take(key)?.port.close()
    },
  }
}
