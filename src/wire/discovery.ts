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

/** Longer than any name of ours. */
const MAX_NAME_LENGTH = 1_000

const isName = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= MAX_NAME_LENGTH

/** Tells a message of this key's from what other scripts of this origin may post: all channels of a key begin with it. */
export function isDiscoveryMessage(data: unknown, key: string): data is DiscoveryMessage {
  if (!isMetadata(data)) return false
  const { kind, owner, reply, pipe } = data
  const isOurs = (value: unknown) => isName(value) && value.startsWith(`${key}/answer/`)
  if (kind === 'elected') return isName(owner)
  if (kind === 'connect-request') return isOurs(reply)
  return kind === 'connect-response' && isName(owner) && isOurs(pipe)
}

export const discoveryChannelOf = (key: string): string => `${key}/discovery`

/** Posts on a channel that is opened only for this. */
export function postOnce(openChannel: (name: string) => Channel, name: string, message: DiscoveryMessage): void {
  const channel = openChannel(name)
  channel.postMessage(message)
  channel.close()
}
