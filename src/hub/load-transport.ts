import type { LoadChunk } from '../platform/line-powers.js'
import type { OpenTransport, TransportChoice } from '../transport/transport.js'
import type { TabHubEnvironment } from './tab-hub.js'

/**
 * Loads the code of a transport. Each is a chunk of its own: a line needs one of them. This is not part of the hub's chunk:
 * bundlers would let the transports import that, by the address at which Firefox may keep it as failed.
 */
export async function loadTransport(
  { name, load }: TransportChoice,
  environment: TabHubEnvironment,
  loadChunk: LoadChunk,
): Promise<OpenTransport> {
  if (environment.openTransport) return environment.openTransport
  if (load) {
    const { adaptTransport } = await loadChunk(() => import('../transport/own-transport.js'), 'adaptTransport')
    return adaptTransport(await load())
  }
  if (name === 'sse') {
    const { sseTransport } = await loadChunk(() => import('../transport/sse.js'), 'sseTransport')
    return sseTransport(environment)
  }
  if (name === 'websocket') {
    const { webSocketTransport } = await loadChunk(() => import('../transport/websocket.js'), 'webSocketTransport')
    return webSocketTransport(environment)
  }
  return (await loadChunk(() => import('../transport/socket-io.js'), 'openSocketIo')).openSocketIo
}
