import { type ChannelMessage, isChannelMessage } from '../channel-message.js'
import { type Endpoint, listen, overChannel } from '../endpoint.js'
import type { Environment } from '../environment.js'

/**
 * Looks for the owner of the socket on the key's BroadcastChannel, and calls back with a pipe to it: a channel that only
 * the two of them use. It goes on looking, also for owners that come later, until the signal aborts.
 */
export function findOwner(
  environment: Pick<Environment, 'openChannel' | 'id'>,
  key: string,
  signal: AbortSignal,
  onPipe: (pipe: Endpoint) => void,
): void {
  const { openChannel } = environment
  if (!openChannel || signal.aborted) return
  const channel = openChannel(key)
  const say = (message: ChannelMessage) => channel.postMessage(message)
  const name = `${key}/pipe/${environment.id()}`

  const stop = listen(channel, (data) => {
    if (!isChannelMessage(data)) return
    if (data.kind === 'owner' || data.kind === 'elected') say({ kind: 'knock', owner: data.owner, pipe: name })
    if (data.kind !== 'open' || data.pipe !== name) return
    finish()
    onPipe(overChannel(openChannel(name)))
  })
  const finish = () => {
    stop()
    channel.close()
    signal.removeEventListener('abort', finish)
  }
  signal.addEventListener('abort', finish)
  say({ kind: 'who' })
}

/** Calls back when another hub has come to own the socket: surer and sooner than to wait for the former one's silence. */
export function onElection(
  { openChannel }: Pick<Environment, 'openChannel'>,
  key: string,
  signal: AbortSignal,
  run: (owner: string) => void,
): void {
  if (!openChannel || signal.aborted) return
  const channel = openChannel(key)
  const stop = listen(channel, (data) => {
    if (isChannelMessage(data) && data.kind === 'elected') run(data.owner)
  })
  signal.addEventListener('abort', () => {
    stop()
    channel.close()
  })
}
