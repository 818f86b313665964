import { isMetadata, type Metadata, RESERVED } from '../wire/protocol.js'
import type { TransportHandlers } from './transport.js'

/** Deeper metadata is made to overflow somebody's stack. Levels. */
const MAX_METADATA_DEPTH = 64

/**
 * Hands an event to the hub with its metadata checked and its reserved field apart. Every transport uses this, so that metadata
 * is walked once on its way. `raw`: whatever the server sent.
 */
export const deliverEvent = createDeliverer((value) => isPlainJson(value))

/** For a transport that has walked `raw` already. */
export const deliverWalkedEvent = createDeliverer(() => true)

function createDeliverer(isPlain: (value: unknown) => boolean) {
  return (handlers: Pick<TransportHandlers, 'onEvent'>, name: string, raw: unknown): void => {
    const given = metadataOf(raw)
    // Of a server message the hub reads only flat fields.
    const isKnown = name === RESERVED
    // Most events have no reserved field: a burst pays for every object and function that is made here.
    if (!(RESERVED in given)) handlers.onEvent(name, isKnown || isPlain(given) ? given : null)
    else {
      const { [RESERVED]: reserved, ...rest } = given
      handlers.onEvent(name, isKnown || isPlain(rest) ? rest : null, reserved)
    }
  }
}

/** A payload as metadata: nothing is `{}`, and what is no object (a bare id, a list) is the `value` of one. Not walked. */
export const metadataOf = (raw: unknown): Metadata =>
  isMetadata(raw) ? raw : raw === undefined || raw === null ? {} : { value: raw }

/** Whether JSON can carry it (Socket.IO can bring bytes, and a transport of the app's own anything), and it is not too deep. */
export function isPlainJson(value: unknown, levels = MAX_METADATA_DEPTH): boolean {
  // JSON leaves undefined out, would make null of a number that is not finite, and would throw at a bigint.
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object') return typeof value === 'string' || typeof value === 'boolean' || value === undefined
  if (value === null) return true
  if (levels === 0 || !(Array.isArray(value) || isBare(value))) return false
  // Every event of a burst is walked: no list of the values, no closure.
  for (const field in value) {
    if (Object.hasOwn(value, field) && !isPlainJson((value as Record<string, unknown>)[field], levels - 1)) return false
  }
  return true
}

/** Made by `{}`, here or in another realm: test runners have several. */
function isBare(value: object): boolean {
  const prototype: object | null = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
