import type { HubEnvironment } from '../platform/environment.js'
import { discoveryChannelOf, isDiscoveryMessage, postOnce } from '../wire/discovery.js'
import { type Endpoint, listen, overChannel } from '../wire/endpoint.js'

/** Where the owner of the socket receives tabs that have no port to it: they knock at the door, and get a channel as a pipe. */
export function listenForFollowers(
  { openChannel }: Pick<HubEnvironment, 'openChannel'>,
  key: string,
  owner: string,
  connect: (endpoint: Endpoint) => void,
): { close(): void } {
  if (!openChannel) return { close: () => undefined }
  const door = openChannel(discoveryChannelOf(key))
  const pipes = new Map<string, Endpoint>()

  const stop = listen(door, (data) => {
    if (!isDiscoveryMessage(data) || data.kind !== 'connect-request') return
    const name = `${data.reply}/pipe/${owner}`
    if (!pipes.has(name)) {
      const pipe = overChannel(openChannel(name), () => pipes.delete(name))
      pipes.set(name, pipe)
      connect(pipe)
    }
    postOnce(openChannel, data.reply, { kind: 'connect-response', owner, pipe: name })
  })
  // Only now: who knocked before there was a door knocks again.
  postOnce(openChannel, key, { kind: 'elected', owner })

  return {
    close() {
      stop()
      door.close()
      for (const pipe of [...pipes.values()]) pipe.close()
    },
  }
}
