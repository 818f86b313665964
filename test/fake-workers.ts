import { createElector } from '../src/election/create-elector.js'
import { serveHub } from '../src/hub/serve.js'
import type { OpenSharedWorker, SharedWorkerSlice } from '../src/platform/page.js'
import type { Route } from '../src/testing/simulated-channels.js'
import type { Endpoint } from '../src/wire/endpoint.js'
import { createFakeBrowser, createPipe, type FakeTab } from './fake-browser.js'
import { createFakeTransport } from './fake-transport.js'

/** A browser whose SharedWorkers run the real hub over a fake server, one worker a name. */
export function createFakeWorkers({
  channels = true,
  ...options
}: {
  webLocks?: boolean
  channels?: boolean
  route?: Route
} = {}) {
  const browser = createFakeBrowser(options)
  const transport = createFakeTransport()
  const workers = new Map<string, { served: ReturnType<typeof serveHub>; scope: FakeTab; ports: Endpoint[] }>()

  const connect = (name: string): SharedWorkerSlice => {
    let worker = workers.get(name)
    if (!worker) {
      const scope = browser.tab()
      worker = {
        scope,
        served: serveHub({
          environment: scope.environment,
          key: name,
          host: 'shared-worker',
          open: transport.open,
          elector: createElector(scope.environment, name),
        }),
        ports: [],
      }
      workers.set(name, worker)
    }
    const { port1, port2 } = createPipe()
    worker.ports.push(port2)
    worker.served.connect(port2)
    return { port: port1 as unknown as MessagePort, addEventListener: () => undefined }
  }

  return {
    ...browser,
    transport,
    workerNames: () => [...workers.keys()],
    /** The browser ends a worker: its locks are released, its tabs' ports go dead. */
    killWorkers(): void {
      for (const { scope, ports } of workers.values()) {
        scope.crash()
        for (const port of ports) port.close()
      }
      for (const connection of transport.opened) connection.closed = true
      workers.clear()
    },
    /** A tab whose SharedWorker is the fake one, or `worker.open`. */
    tab(worker: { readonly open: OpenSharedWorker | undefined } = { open: connect }): FakeTab {
      const tab = browser.tab()
      const openChannel = channels ? tab.environment.openChannel : undefined
      return { ...tab, environment: { ...tab.environment, openChannel, openSharedWorker: worker.open } }
    },
  }
}
