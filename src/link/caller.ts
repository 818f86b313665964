import type { Endpoint } from '../wire/endpoint.js'
import type { HubCalls } from '../wire/hub-calls.js'
import { LinkError } from './link-errors.js'

/** An answer of Comlink's `expose`: a value, or an error. */
interface ComlinkAnswer {
  readonly id: string
  readonly type: 'RAW' | 'HANDLER'
  readonly value: unknown
}

export type Call = <Name extends keyof HubCalls>(
  name: Name,
  ...parameters: Parameters<HubCalls[Name]>
) => Promise<Awaited<ReturnType<HubCalls[Name]>>>

/**
 * Calls a hub that Comlink exposes, with plain data both ways. A tab never uses Comlink's own `wrap`: it registers its proxies
 * with a FinalizationRegistry. When they are collected while the page is in the back/forward cache, the finalizer runs
 * there, and Chromium evicts the page (reason `JavaScriptExecution`; measured: up to 17 trips of 20). `wrap` is also ten
 * times as large, since it can call any object. The format is that of Comlink 4.4 (`Message` in its protocol.ts); a
 * test holds the two together.
 */
export function createCaller(endpoint: Pick<Endpoint, 'postMessage'>): {
  readonly call: Call
  receive(data: unknown): void
  /** Nothing more is received: what was called and not answered rejects. */
  end(): void
} {
  const open = new Map<string, { resolve(value: never): void; reject(reason: Error): void }>()
  let calls = 0

  return {
    /** Takes everything from the endpoint that is no message of the hub's. */
    receive(data) {
      const { id, type, value } = (data ?? {}) as Partial<ComlinkAnswer>
      const waiting = id === undefined ? undefined : open.get(id)
      if (!waiting) return
      open.delete(id as string)
      if (type === 'RAW') waiting.resolve(value as never)
      else waiting.reject(new Error(messageIn(value)))
    },
    end() {
      for (const { reject } of open.values()) reject(new LinkError('the hub was left'))
      open.clear()
    },
    call: (name, ...parameters) =>
      new Promise((resolve, reject) => {
        const id = `call-${++calls}`
        open.set(id, { resolve, reject })
        const argumentList = parameters.map((value) => ({ type: 'RAW', value }))
        try {
          endpoint.postMessage({ id, type: 'APPLY', path: [name], argumentList })
        } catch (thrown) {
          // What can't be cloned, or a port that refuses.
          open.delete(id)
          reject(thrown)
        }
      }),
  }
}

/** Comlink wraps an error: `{ isError, value: { message } }`. */
function messageIn(error: unknown): string {
  const { value } = (error ?? {}) as { value?: { message?: unknown } }
  return String(value?.message ?? 'the hub failed')
}
