import type { Channel } from '../platform/environment.js'
import { isMetadata } from './protocol.js'

/**
 * How a tab without a port to the owner of the socket finds it. What all have to hear is said on the key's channel; whatever
 * else, on a channel where only the one it is for listens: of fifty tabs that open at once, each would hear what each of the
 * others says. No credentials ever pass here.
 */
export type DiscoveryMessage =
  /** On the key's channel: I own the socket from now on; whoever is attached to another hub had better leave it. */
  | { readonly kind: 'elected'; readonly owner: string }
  /** At the door, where owners alone listen: open a pipe for me, and tell me of it on this channel. */
  | { readonly kind: 'connect-request'; readonly reply: string }
  /** There: it is open. A channel that only the two use, and no second owner, should one not know yet that it is deposed. */
  | { readonly kind: 'connect-response'; readonly owner: string; readonly pipe: string }

export function isDiscoveryMessage(data: unknown): data is DiscoveryMessage {
  if (!isMetadata(data)) return false
  const { kind, owner, reply, pipe } = data
  if (kind === 'elected') return typeof owner === 'string'
  if (kind === 'connect-request') return typeof reply === 'string'
  return kind === 'connect-response' && typeof owner === 'string' && typeof pipe === 'string'
}

export const discoveryChannelOf = (key: string): string => `${key}/discovery`

/** On a channel that is open for just this. */
export function postOnce(openChannel: (name: string) => Channel, name: string, message: DiscoveryMessage): void {
  const channel = openChannel(name)
  channel.postMessage(message)
  channel.close()
}
