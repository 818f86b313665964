import type { Channel } from '../platform/environment.js'
import { isMetadata } from './protocol.js'

/**
 * How a tab without a port to the owner of the socket finds it. Messages for all go over the key's channel. All others go
 * over a channel on which only their receiver listens: else each of fifty tabs that open at once would get the messages
 * of each other one. Credentials never go over any of these.
 */
export type DiscoveryMessage =
  /** On the key's channel: I own the socket from now on. Tabs that are attached to another hub leave it. */
  | { readonly kind: 'elected'; readonly owner: string }
  /** On the discovery channel, where only owners listen: open a pipe for me, and answer on the channel `reply`. */
  | { readonly kind: 'connect-request'; readonly reply: string }
  /** On `reply`: the pipe is open. Only these two use that channel, not even a former owner that does not know yet. */
  | { readonly kind: 'connect-response'; readonly owner: string; readonly pipe: string }

export function isDiscoveryMessage(data: unknown): data is DiscoveryMessage {
  if (!isMetadata(data)) return false
  const { kind, owner, reply, pipe } = data
  if (kind === 'elected') return typeof owner === 'string'
  if (kind === 'connect-request') return typeof reply === 'string'
  return kind === 'connect-response' && typeof owner === 'string' && typeof pipe === 'string'
}

export const discoveryChannelOf = (key: string): string => `${key}/discovery`

/** Posts on a channel that is opened just for this. */
export function postOnce(openChannel: (name: string) => Channel, name: string, message: DiscoveryMessage): void {
  const channel = openChannel(name)
  channel.postMessage(message)
  channel.close()
}
