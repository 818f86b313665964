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
  /** Others of this origin can listen in: nothing secret may be said here. */
  readonly shared?: true
}

/** Hears the endpoint's messages; returns the way to stop. */
export function listen(endpoint: Endpoint, onData: (data: unknown) => void): () => void {
  const listener = (event: MessageEvent): void => onData(event.data)
  endpoint.addEventListener('message', listener)
  endpoint.start?.()
  return () => endpoint.removeEventListener('message', listener)
}

/** A channel that two use as a pipe. What is posted after its end is dropped, as a `MessagePort` does; a channel would throw. */
export function overChannel(channel: Omit<Endpoint, 'start'>, onClose?: () => void): Endpoint {
  let open = true
  return {
    shared: true,
    postMessage(message) {
      if (open) channel.postMessage(message)
    },
    addEventListener: (type, listener) => channel.addEventListener(type, listener),
    removeEventListener: (type, listener) => channel.removeEventListener(type, listener),
    close() {
      if (!open) return
      open = false
      channel.close()
      onClose?.()
    },
  }
}
