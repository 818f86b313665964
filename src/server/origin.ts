import { ORIGIN_HEADER } from '../wire/protocol.js'

/** The client chooses it, so only these characters and this length are accepted. */
const SECRET_PATTERN = /^[\w./-]{1,100}$/
/** How much of the SHA-256 stands in an event: 132 bits. */
const HASH_CHARACTERS = 22
const HASH_PATTERN = /^[\w-]{22}$/

/** The part of `node:crypto` that is used. Asked for at run time: an import would keep the notifier out of edge runtimes. */
interface CryptoSlice {
  createHash(name: 'sha256'): { update(text: string): { digest(encoding: 'base64url'): string } }
}

declare const process: { readonly getBuiltinModule?: (name: 'node:crypto') => CryptoSlice | undefined }

/** `Headers` of Fetch (Next.js, Hono, Workers), or the plain object of Node, Express and Fastify. */
export type HeadersSlice =
  | { get(name: string): string | null | undefined }
  | { readonly [name: string]: string | readonly string[] | number | undefined }

/** A request of any of these, or its headers alone. */
export type RequestSlice = { readonly headers: HeadersSlice } | HeadersSlice

/**
 * What the events of a request say of it: a hash of the secret in its header. The tab that made the request knows its own
 * events by it. Nobody who reads the hash can make a request with the same hash. So it may be stored and sent on as it is.
 * Undefined if there is no such header, or an invalid one, or no `node:crypto`: then the tab refetches for its own write, too.
 */
export function originOf(request: RequestSlice): string | undefined {
  const { headers } = request as { headers?: unknown }
  const secret = readSecret(typeof headers === 'object' && headers !== null ? (headers as HeadersSlice) : request)
  if (typeof secret !== 'string' || !SECRET_PATTERN.test(secret)) return undefined
  const crypto = typeof process === 'undefined' ? undefined : process.getBuiltinModule?.('node:crypto')
  return crypto?.createHash('sha256').update(secret).digest('base64url').slice(0, HASH_CHARACTERS)
}

export const isOrigin = (value: unknown): value is string => typeof value === 'string' && HASH_PATTERN.test(value)

function readSecret(headers: object): unknown {
  if ('get' in headers && typeof headers.get === 'function') return headers.get(ORIGIN_HEADER)
  // Node writes names in lower case; some gateways leave them as the client wrote them.
  return Object.entries(headers).find(([name]) => name.toLowerCase() === ORIGIN_HEADER)?.[1]
}
