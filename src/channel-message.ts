import { isMetadata } from './protocol.js'

/**
 * Between tabs and the owner, on the key's BroadcastChannel: how a tab without a port to the owner finds it. Everything
 * else goes over a channel of the two's own, named by `pipe`. No credentials ever pass here.
 */
export type ChannelMessage =
  /** Who owns the socket? */
  | { readonly kind: 'who' }
  /** I do. */
  | { readonly kind: 'owner'; readonly owner: string }
  /** I do, from now on; whoever is attached to another hub had better leave it. */
  | { readonly kind: 'elected'; readonly owner: string }
  /** Open this pipe for me, owner. */
  | { readonly kind: 'knock'; readonly owner: string; readonly pipe: string }
  /** It is open. */
  | { readonly kind: 'open'; readonly pipe: string }

export function isChannelMessage(data: unknown): data is ChannelMessage {
  if (!isMetadata(data)) return false
  const { kind, owner, pipe } = data
  if (kind === 'who') return true
  if (kind === 'owner' || kind === 'elected') return typeof owner === 'string'
  if (kind === 'knock') return typeof owner === 'string' && typeof pipe === 'string'
  return kind === 'open' && typeof pipe === 'string'
}
