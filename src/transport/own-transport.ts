import { messageOf } from '../util/errors.js'
import { deliverEvent } from './metadata.js'
import type { OpenOwnTransport, OpenTransport, Transport } from './transport.js'

/**
 * A transport of the app's own as the hub takes it: the metadata of its events is checked, and what it throws becomes a failed
 * attempt. Nothing that it reports after `close` is heard.
 */
export function adaptTransport(open: OpenOwnTransport): OpenTransport {
  return (settings, handlers) => {
    let isClosed = false
    const heard = Object.fromEntries(
      Object.entries(handlers).map(([name, handle]) => [
        name,
        (...args: unknown[]) => (isClosed ? undefined : (handle as (...args: unknown[]) => unknown)(...args)),
      ]),
    ) as unknown as typeof handlers
    const transport = open(settings, { ...heard, onEvent: (name, raw) => deliverEvent(heard, String(name), raw) })

    const attempt = (run: 'connect' | 'reconnect') => () => {
      try {
        transport[run]()
      } catch (thrown) {
        heard.onAttemptFailed(messageOf(thrown))
      }
    }
    const quietly = (run: () => void) => {
      try {
        run()
      } catch {
        // What can't be ended or sent has ended or is lost, and the hub does not rely on it.
      }
    }
    const { probe, renew, send, ask, tell } = transport
    return {
      connect: attempt('connect'),
      reconnect: attempt('reconnect'),
      disconnect: (session) => quietly(() => transport.disconnect(session)),
      ...(probe && { probe: async () => probe.call(transport) }),
      ...(renew && { renew: async (credentials) => renew.call(transport, credentials) }),
      ...(send && { send: (event, metadata) => quietly(() => send.call(transport, event, metadata)) }),
      ...(ask && { ask: async (...sent) => ask.call(transport, ...sent) }),
      ...(tell && { tell: (event, data) => quietly(() => tell.call(transport, event, data)) }),
      close() {
        isClosed = true
        quietly(() => transport.close())
      },
    } satisfies Transport
  }
}
