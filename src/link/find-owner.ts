import type { TabEnvironment } from '../platform/page.js'
import { discoveryChannelOf, isDiscoveryMessage, postOnce } from '../wire/discovery.js'
import { type Endpoint, listen, overChannel } from '../wire/endpoint.js'

/**
 * Knocks at the door of the owner of the socket, and calls back with a pipe to it: a channel that only the two of them
 * use. It goes on looking, also for owners that come later, until the signal aborts.
 */
export function findOwner(
  environment: Pick<TabEnvironment, 'openChannel' | 'id'>,
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
    if (!isDiscoveryMessage(data) || data.kind !== 'connect-response' || (elected && data.owner !== elected)) return
    finish()
    onPipe(overChannel(openChannel(data.pipe)))
  })
  search.signal.addEventListener('abort', () => {
    stop()
    answers.close()
  })
  const knock = () => postOnce(openChannel, discoveryChannelOf(key), { kind: 'connect-request', reply })
  onElection(environment, key, search.signal, (owner) => {
    elected = owner
    knock()
  })
  knock()
}

/** Calls back when another hub has come to own the socket: surer and sooner than to wait for the former one's silence. */
export function onElection(
  { openChannel }: Pick<TabEnvironment, 'openChannel'>,
  key: string,
  signal: AbortSignal,
  run: (owner: string) => void,
): void {
  if (!openChannel || signal.aborted) return
  const channel = openChannel(key)
  const stop = listen(channel, (data) => {
    if (isDiscoveryMessage(data) && data.kind === 'elected') run(data.owner)
  })
  signal.addEventListener('abort', () => {
    stop()
    channel.close()
  })
}
