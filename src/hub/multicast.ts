import type { HubEnvironment } from '../platform/environment.js'
import { type Endpoint, overChannel } from '../wire/endpoint.js'
import type { HubMessage } from '../wire/protocol.js'

/**
 * One channel for all tabs that have no port to this hub: the browser takes an event off the leader's hands once, where a
 * channel for each tab is a message for each tab. For events alone. What a page posts, on whatever channels, another one
 * hears in the order of posting: all of it is of one task source (https://html.spec.whatwg.org/#dom-broadcastchannel-postmessage).
 */
export function createMulticast({ openChannel }: Pick<HubEnvironment, 'openChannel'>, name: string) {
  let channel: Endpoint | undefined
  return {
    /** Undefined where there are no channels. */
    name: openChannel && name,
    post(message: HubMessage): void {
      if (openChannel) channel ??= overChannel(openChannel(name))
      channel?.postMessage(message)
    },
    close: () => channel?.close(),
  }
}
