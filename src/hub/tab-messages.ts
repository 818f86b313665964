import { type Hello, isMetadata, type TabMessage } from '../wire/protocol.js'

/** What a hub takes from a tab; apart from the wire's own file, so that no page loads it. */

const isStrings = (value: unknown): boolean => Array.isArray(value) && value.every((one) => typeof one === 'string')

export function isTabMessage(data: unknown): data is TabMessage {
  if (!isMetadata(data)) return false
  const { kind, request, answer } = data
  if (kind === 'credentials')
    return typeof request === 'number' && isMetadata(answer) && typeof answer['ok'] === 'boolean'
  return kind === 'detach' || kind === 'multicast-joined'
}

/** Tells a well-formed attach from what an older, newer or foreign script may send. */
export function isHello(value: unknown): value is Hello {
  if (!isMetadata(value)) return false
  const { protocol, tab, settings, events, since, topics = [] } = value
  return (
    typeof protocol === 'number' &&
    typeof tab === 'string' &&
    isStrings(events) &&
    isStrings(topics) &&
    isMetadata(since) &&
    typeof since['time'] === 'number' &&
    isMetadata(settings) &&
    typeof settings['url'] === 'string' &&
    typeof settings['identity'] === 'string' &&
    typeof settings['lingerMs'] === 'number' &&
    typeof settings['authTimeoutMs'] === 'number' &&
    isMetadata(settings['socket'])
  )
}
