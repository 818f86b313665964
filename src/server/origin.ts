/** The header by which `line.request` names a request. */
export const ORIGIN_HEADER = 'x-partyline-origin'

/** Chosen by the client, so it is held to what such a name can be. */
const ORIGIN = /^[\w./-]{1,100}$/

/** `Headers` of Fetch (Next.js, Hono, Workers), or the plain object of Node, Express and Fastify. */
export type HeadersSlice =
  | { get(name: string): string | null | undefined }
  | { readonly [name: string]: string | readonly string[] | number | undefined }

/** A request of any of these, or its headers alone. */
export type RequestSlice = { readonly headers: HeadersSlice } | HeadersSlice

/** The name that a tab gave its request; undefined if it gave none, or one that can't be. */
export function originOf(request: RequestSlice): string | undefined {
  const { headers } = request as { headers?: unknown }
  const value = read(typeof headers === 'object' && headers !== null ? (headers as HeadersSlice) : request)
  return isOrigin(value) ? value : undefined
}

export const isOrigin = (value: unknown): value is string => typeof value === 'string' && ORIGIN.test(value)

function read(headers: object): unknown {
  if ('get' in headers && typeof headers.get === 'function') return headers.get(ORIGIN_HEADER)
  // Node writes names in lower case; some gateways leave them as the client wrote them.
  return Object.entries(headers).find(([name]) => name.toLowerCase() === ORIGIN_HEADER)?.[1]
}
