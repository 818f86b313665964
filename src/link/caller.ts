import type { Endpoint } from '../wire/endpoint.js'
import type { HubCalls } from '../wire/protocol.js'

/** What Comlink's `expose` answers with: a value, or what was thrown. */
interface Answer {
  readonly id: string
  readonly type: 'RAW' | 'HANDLER'
  readonly value: unknown
}

export type Call = <Name extends keyof HubCalls>(
  name: Name,
  ...parameters: Parameters<HubCalls[Name]>
) => Promise<Awaited<ReturnType<HubCalls[Name]>>>

/**
 * Calls a hub that Comlink exposes, with plain data both ways. Never Comlink's own `wrap` in a tab: it registers its
 * proxies with a FinalizationRegistry, and when their garbage is collected while the page is in the back/forward cache, the
 * finalizer runs there, for which Chromium evicts the page (reason `JavaScriptExecution`; measured: up to 17 trips of 20).
 * And it is ten times as large, since it speaks for any object. The format is that of Comlink 4.4 (`Message` in its
 * protocol.ts); a test holds the two together.
 */
export function createCaller(endpoint: Pick<Endpoint, 'postMessage'>): {
  readonly call: Call
  hear(data: unknown): void
} {
  const open = new Map<string, { resolve(value: never): void; reject(reason: Error): void }>()
  let calls = 0

  return {
    /** What came over the endpoint and is no message of the hub's. */
    hear(data) {
      const { id, type, value } = (data ?? {}) as Partial<Answer>
      const waiting = id === undefined ? undefined : open.get(id)
      if (!waiting) return
      open.delete(id as string)
      if (type === 'RAW') waiting.resolve(value as never)
      else waiting.reject(new Error(messageIn(value)))
    },
    call: (name, ...parameters) =>
      new Promise((resolve, reject) => {
        const id = `call-${++calls}`
        open.set(id, { resolve, reject })
        const argumentList = parameters.map((value) => ({ type: 'RAW', value }))
        endpoint.postMessage({ id, type: 'APPLY', path: [name], argumentList })
      }),
  }
}

/** Comlink wraps what was thrown: `{ isError, value: { message } }`. */
function messageIn(thrown: unknown): string {
  const { value } = (thrown ?? {}) as { value?: { message?: unknown } }
  return String(value?.message ?? 'the hub failed')
}
