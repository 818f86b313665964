/** The SharedWorker's entry: gives the hub this scope's powers and serves every tab that connects. */

import { createElector } from '../src/election/create-elector.js'
import { serveHub } from '../src/hub/serve.js'
import { checkPowers } from '../src/platform/check-powers.js'
import { commonEnvironment } from '../src/platform/environment.js'
import { createOpenTransport } from '../src/transport/open-transport.js'

interface SharedWorkerScope {
  readonly name: string
  addEventListener(type: 'connect', listener: (event: MessageEvent) => void): void
}
const scope = globalThis as unknown as SharedWorkerScope

// The key is the worker's name, so every key has a worker of its own.
const hub = checkPowers(commonEnvironment()).then((environment) =>
  serveHub({
    environment,
    key: scope.name,
    host: 'shared-worker',
    open: createOpenTransport(environment),
    elector: createElector(environment, scope.name),
  }),
)
// Listens from the first task on; what the tabs send meanwhile waits at their ports.
scope.addEventListener('connect', (event) => {
  for (const port of event.ports) void hub.then((served) => served.connect(port))
})
