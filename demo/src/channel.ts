/**
 * A BroadcastChannel that is closed while the page is in the back/forward cache: a message to such a page would evict it.
 * Returns the way to post.
 */
export function openChannel<T>(name: string, onMessage: (message: T) => void): (message: T) => void {
  let channel: BroadcastChannel | undefined
  const open = () => {
    channel ??= new BroadcastChannel(name)
    channel.onmessage = ({ data }: MessageEvent<T>) => onMessage(data)
  }
  open()
  addEventListener('pageshow', open)
  addEventListener('pagehide', () => {
    channel?.close()
    channel = undefined
  })
  return (message) => channel?.postMessage(message)
}
