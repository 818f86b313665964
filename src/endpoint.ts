/**
 * One two-way message pipe between a tab and a hub, in the structural shape of Comlink's `Endpoint`, so that a
 * `MessagePort` is one as it stands.
 */
export interface Endpoint {
  postMessage(message: unknown, transfer?: Transferable[]): void
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void
  removeEventListener(type: 'message', listener: (event: MessageEvent) => void): void
  start?(): void
  close(): void
}

/** Hears the endpoint's messages; returns the way to stop. */
export function listen(endpoint: Endpoint, onData: (data: unknown) => void): () => void {
  const listener = (event: MessageEvent): void => onData(event.data)
  endpoint.addEventListener('message', listener)
  endpoint.start?.()
  return () => endpoint.removeEventListener('message', listener)
}
