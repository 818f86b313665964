import type { TabEnvironment } from '../platform/page.js'
import { discoveryChannelOf, isDiscoveryMessage, postOnce } from '../wire/discovery.js'
import { type Endpoint, listen, overChannel } from '../wire/endpoint.js'

interface OwnerSearch {
  readonly environment: Pick<TabEnvironment, 'openChannel' | 'id'>
  readonly key: string
}

/**
 * Asks the owner of the socket for an endpoint: a channel that only the two of them use. The search goes on, also for
 * owners that are elected later, until one answers or the signal aborts. Gives the way to ask again.
 */
export function findOwner(
  { environment, key }: OwnerSearch,
  signal: AbortSignal,
  onEndpoint: (endpoint: Endpoint) => void,
): () => void {
  const { openChannel } = environment
  if (!openChannel || signal.aborted) return () => undefined
  const search = new AbortController()
  const finish = () => search.abort()
  signal.addEventListener('abort', finish)
  search.signal.addEventListener('abort', () => signal.removeEventListener('abort', finish))

  const reply = `${key}/answer/${environment.id()}`
  let elected: string | undefined
  const answers = openChannel(reply)
  const stop = listen(answers, (data) => {
    // A former owner that hung and wakes may answer a request before it learns that it was replaced.
    if (!isDiscoveryMessage(data, key) || data.kind !== 'connect-response') return
    if ((elected && data.owner !== elected) || !data.pipe.startsWith(`${reply}/`)) return
    finish()
    onEndpoint(overChannel(openChannel(data.pipe)))
  })
  search.signal.addEventListener('abort', () => {
    stop()
    answers.close()
  })
  const request = () => postOnce(openChannel, discoveryChannelOf(key), { kind: 'connect-request', reply })
  watchElections({ environment, key }, search.signal, (owner) => {
    elected = owner
    request()
  })
  request()
  return () => {
    // Who was elected answers at once. It has gone since, or never was: any script of this origin can name an owner.
    elected = undefined
    request()
  }
}

/** Calls back when another hub becomes the owner of the socket: surer and sooner than the former one's timeout. */
export function watchElections(
  { environment, key }: OwnerSearch,
  signal: AbortSignal,
  onElected: (owner: string) => void,
): void {
  const { openChannel } = environment
  if (!openChannel || signal.aborted) return
  const channel = openChannel(key)
  const stop = listen(channel, (data) => {
    if (isDiscoveryMessage(data, key) && data.kind === 'elected') onElected(data.owner)
  })
  signal.addEventListener('abort', () => {
    stop()
    channel.close()
  })
}
