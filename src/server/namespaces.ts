/** A server's main namespace, which is what a Socket.IO `Server` stands for; a namespace itself. */
export function namespaceOf(io: object): object {
  const { of } = io as { of?: (name: string) => object }
  return typeof of === 'function' ? of.call(io, '/') : io
}
