/** One two-way message pipe between a tab and a hub, in the shape of Comlink's `Endpoint`: a `MessagePort` is one. */
export interface Endpoint {
  postMessage(message: unknown, transfer?: Transferable[]): void
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void
  removeEventListener(type: 'message', listener: (event: MessageEvent) => void): void
  start?(): void
  close(): void
  /** Other scripts of this origin can listen: no secret may be sent here. */
  readonly shared?: true
}

/** Listens to the endpoint's messages; returns the way to stop. */
export function listen(endpoint: Endpoint, onData: (data: unknown) => void): () => void {
  const listener = (event: MessageEvent): void => onData(event.data)
  endpoint.addEventListener('message', listener)
  endpoint.start?.()
  return () => endpoint.removeEventListener('message', listener)
}

/** A channel as an endpoint for two. It drops messages after its close, as a `MessagePort` does; a channel would throw. */
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
