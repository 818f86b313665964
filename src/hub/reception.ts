import { doorOf, isChannelMessage, sayOnce } from '../channel-message.js'
import { type Endpoint, listen, overChannel } from '../endpoint.js'
import type { HubEnvironment } from '../environment-common.js'

/** Where the owner of the socket receives tabs that have no port to it: they knock at the door, and get a channel as a pipe. */
export function openReception(
  { openChannel }: Pick<HubEnvironment, 'openChannel'>,
  key: string,
  owner: string,
  connect: (endpoint: Endpoint) => void,
): { close(): void } {
  if (!openChannel) return { close: () => undefined }
  const door = openChannel(doorOf(key))
  const pipes = new Map<string, Endpoint>()

  const stop = listen(door, (data) => {
    if (!isChannelMessage(data) || data.kind !== 'knock') return
    const name = `${data.reply}/pipe/${owner}`
    if (!pipes.has(name)) {
      const pipe = overChannel(openChannel(name), () => pipes.delete(name))
      pipes.set(name, pipe)
      connect(pipe)
    }
    sayOnce(openChannel, data.reply, { kind: 'open', owner, pipe: name })
  })
  // Only now: who knocked before there was a door knocks again.
  sayOnce(openChannel, key, { kind: 'elected', owner })

  return {
    close() {
      stop()
      door.close()
      for (const pipe of [...pipes.values()]) pipe.close()
    },
  }
}
