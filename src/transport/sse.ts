import type { HubEnvironment } from '../platform/environment.js'
import { positiveOr } from './deadline.js'
import { createEnvelopeReader } from './envelope.js'
import { oneConnection } from './one-connection.js'
import { createSseConnection } from './sse-connection.js'
import type { OpenTransport } from './transport.js'

/** The longest event that is read, in characters, and the silence after which a stream is given up. */
const SSE_DEFAULTS = { limit: 65_536, maxSilenceMs: 60_000 }

export type SsePowers = Pick<HubEnvironment, 'timers' | 'fetch'>

/**
 * Server-Sent Events as a transport: the wire is in docs/sse.md. The setting `socket` may hold `limit` (characters of
 * an event), `maxSilenceMs` and `withCredentials` (cookies to another origin). `handshake: 'none'` is for a server
 * without code for Partyline. With it, only a given `maxSilenceMs` counts.
 */
export function sseTransport({ fetch, timers }: SsePowers): OpenTransport {
  return ({ url, socket, envelope }, handlers) => {
    const hasHandshake = socket['handshake'] !== 'none'
    const silenceMs = hasHandshake ? SSE_DEFAULTS.maxSilenceMs : Number.POSITIVE_INFINITY
    return oneConnection(handlers, { hasHandshake, hears: hasHandshake }, (reports) =>
      createSseConnection({
        request: (init) =>
          fetch(url, {
            ...init,
            cache: 'no-store',
            credentials: socket['withCredentials'] ? 'include' : 'same-origin',
          }),
        timers,
        maxCharacters: positiveOr(SSE_DEFAULTS.limit, socket['limit']),
        maxSilenceMs: positiveOr(silenceMs, socket['maxSilenceMs']),
        hasHandshake,
        envelope: envelope && createEnvelopeReader(envelope),
        handlers: reports,
      }),
    )
  }
}
