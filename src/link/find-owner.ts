import { doorOf, isChannelMessage, sayOnce } from '../channel-message.js'
import { type Endpoint, listen, overChannel } from '../endpoint.js'
import type { Environment } from '../environment.js'

/**
 * Knocks at the door of the owner of the socket, and calls back with a pipe to it: a channel that only the two of them
 * use. It goes on looking, also for owners that come later, until the signal aborts.
 */
export function findOwner(
  environment: Pick<Environment, 'openChannel' | 'id'>,
  key: string,
  signal: AbortSignal,
  onPipe: (pipe: Endpoint) => void,
): void {
  const { openChannel } = environment
  if (!openChannel || signal.aborted) return
  const search = new AbortController()
  const finish = () => search.abort()
  signal.addEventListener('abort', finish)
  search.signal.addEventListener('abort', () => signal.removeEventListener('abort', finish))

  const reply = `${key}/answer/${environment.id()}`
  let elected: string | undefined
  const answers = openChannel(reply)
  const stop = listen(answers, (data) => {
    // One that was deposed while it hung may wake to a knock before it learns of that.
    if (!isChannelMessage(data) || data.kind !== 'open' || (elected && data.owner !== elected)) return
    finish()
    onPipe(overChannel(openChannel(data.pipe)))
  })
  search.signal.addEventListener('abort', () => {
    stop()
    answers.close()
  })
  const knock = () => sayOnce(openChannel, doorOf(key), { kind: 'knock', reply })
  onElection(environment, key, search.signal, (owner) => {
    elected = owner
    knock()
  })
  knock()
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
