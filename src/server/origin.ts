import { ORIGIN_HEADER } from '../wire/protocol.js'

/** The client chooses it, so only these characters and this length are accepted. */
const ORIGIN_PATTERN = /^[\w./-]{1,100}$/

/** `Headers` of Fetch (Next.js, Hono, Workers), or the plain object of Node, Express and Fastify. */
export type HeadersSlice =
  | { get(name: string): string | null | undefined }
  | { readonly [name: string]: string | readonly string[] | number | undefined }

/** A request of any of these, or its headers alone. */
export type RequestSlice = { readonly headers: HeadersSlice } | HeadersSlice

/** The name that a tab gave its request. Undefined if there is none, or an invalid one. */
export function originOf(request: RequestSlice): string | undefined {
  const { headers } = request as { headers?: unknown }
  const value = readOrigin(typeof headers === 'object' && headers !== null ? (headers as HeadersSlice) : request)
  return isOrigin(value) ? value : undefined
}

export const isOrigin = (value: unknown): value is string => typeof value === 'string' && ORIGIN_PATTERN.test(value)

function readOrigin(headers: object): unknown {
  if ('get' in headers && typeof headers.get === 'function') return headers.get(ORIGIN_HEADER)
  // Node writes names in lower case; some gateways leave them as the client wrote them.
  return Object.entries(headers).find(([name]) => name.toLowerCase() === ORIGIN_HEADER)?.[1]
}
