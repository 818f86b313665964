import { type ChannelMessage, isChannelMessage } from '../channel-message.js'
import { type Endpoint, listen, overChannel } from '../endpoint.js'
import type { HubEnvironment } from '../environment-common.js'

/**
 * Where the owner of the socket receives tabs that have no port to it: on the key's BroadcastChannel they ask for it,
 * and get a channel of their own as a pipe.
 */
export function openReception(
  environment: HubEnvironment,
  key: string,
  owner: string,
  connect: (endpoint: Endpoint) => void,
): { close(): void } {
  const { openChannel } = environment
  if (!openChannel) return { close: () => undefined }
  const channel = openChannel(key)
  const pipes = new Map<string, Endpoint>()
  const say = (message: ChannelMessage) => channel.postMessage(message)

  const stop = listen(channel, (data) => {
    if (!isChannelMessage(data)) return
    if (data.kind === 'who') say({ kind: 'owner', owner })
    if (data.kind !== 'knock' || data.owner !== owner) return
    if (!pipes.has(data.pipe)) {
      const pipe = overChannel(openChannel(data.pipe), () => pipes.delete(data.pipe))
      pipes.set(data.pipe, pipe)
      connect(pipe)
    }
    say({ kind: 'open', pipe: data.pipe })
  })
  say({ kind: 'elected', owner })

  return {
    close() {
      stop()
      channel.close()
      for (const pipe of [...pipes.values()]) pipe.close()
    },
  }
}
