import type { Channel, HubEnvironment, Locks } from '../platform/environment.js'

/** How Web Locks refuse: with a rejection (a sandboxed frame, blocked site data), with a throw, or by never answering. */
export type LockTrouble = 'rejects' | 'throws' | 'hangs'
/** How BroadcastChannels refuse: the constructor throws, or each post does. */
export type ChannelTrouble = 'constructor' | 'post'

/** What a browser has, as far as hubs are concerned, and what of it refuses. */
export interface BrowserPowers {
  readonly webLocks: boolean
  readonly channel: boolean
  readonly lockTrouble?: LockTrouble | undefined
  readonly channelTrouble?: ChannelTrouble | undefined
}

const refusal = () => new DOMException('The operation is insecure.', 'SecurityError')

/** The locks of a realm: real, refusing or missing. */
export function locksOf({ webLocks, lockTrouble }: BrowserPowers, locks: Locks): Locks | undefined {
  if (!webLocks) return undefined
  if (lockTrouble === undefined) return locks
  return {
    request() {
      if (lockTrouble === 'throws') throw refusal()
      return lockTrouble === 'hangs' ? new Promise(() => undefined) : Promise.reject(refusal())
    },
  }
}

/** The channels of a realm: real, refusing or missing. */
export function channelsOf(
  { channel, channelTrouble }: BrowserPowers,
  openChannel: (name: string) => Channel,
): HubEnvironment['openChannel'] {
  if (!channel) return undefined
  if (channelTrouble === undefined) return openChannel
  return (name) => {
    if (channelTrouble === 'constructor') throw refusal()
    return {
      ...openChannel(name),
      postMessage() {
        throw refusal()
      },
    }
  }
}
