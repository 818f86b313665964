import { messageOf } from '../util/errors.js'
import { type Metadata, RESERVED } from '../wire/protocol.js'
import { deliverEvent } from './metadata.js'
import type { OpenOwnTransport, OpenTransport, OwnTransportMethods, Transport, TransportHandlers } from './transport.js'

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

    const quietly = (run: () => void) => {
      try {
        run()
      } catch {
        // What can't be ended or sent has ended or is lost, and the hub does not rely on it.
      }
    }
    const attempt = (run: 'connect' | 'reconnect') => () => {
      try {
        transport[run]()
      } catch (thrown) {
        // It may have begun: the next one would be taken for a second.
        quietly(() => transport.disconnect('keep'))
        heard.onAttemptFailed(messageOf(thrown))
      }
    }
    const { probe, renew, ask, tell } = transport
    const send = senderOf(transport, heard)
    return {
      connect: attempt('connect'),
      reconnect: attempt('reconnect'),
      disconnect: (session) => quietly(() => transport.disconnect(session)),
      ...(probe && { probe: async () => probe.call(transport) }),
      ...(renew && { renew: async (credentials) => renew.call(transport, credentials) }),
      ...(send && { send: (event, metadata) => quietly(() => send(event, metadata)) }),
      ...(ask && { ask: async (...sent) => ask.call(transport, ...sent) }),
      ...(tell && { tell: (event, data) => quietly(() => tell.call(transport, event, data)) }),
      close() {
        isClosed = true
        quietly(() => transport.close())
      },
    } satisfies Transport
  }
}

/** What the hub says of topics becomes calls of `join` and `leave`, if the transport has them. */
function senderOf(transport: OwnTransportMethods, handlers: TransportHandlers): Transport['send'] {
  const { send, join, leave } = transport
  if (!join) return send && ((event, metadata) => send.call(transport, event, metadata))

  async function answer(topic: string, request: unknown): Promise<void> {
    const said = await (async () => join?.call(transport, topic))().then(
      (ok) => (ok === true ? { ok } : { ok: false, message: ok }),
      (thrown: unknown) => ({ ok: false, code: 'unavailable', message: messageOf(thrown) }),
    )
    // The hub takes no answer to a join that it no longer waits for.
    handlers.onEvent(RESERVED, { topic, request, ...said })
  }
  return (event: string, metadata: Metadata) => {
    const topics = metadata['topics'] as readonly string[]
    if (event === `${RESERVED}:join`) for (const topic of topics) void answer(topic, metadata['request'])
    else if (event === `${RESERVED}:leave`) for (const topic of topics) leave?.call(transport, topic)
    else send?.call(transport, event, metadata)
  }
}
