import { type Hello, isMetadata, type TabMessage } from '../protocol.js'

/** What a hub takes from a tab; apart from the wire's own file, so that no page loads it. */

const isStrings = (value: unknown): boolean => Array.isArray(value) && value.every((one) => typeof one === 'string')

export function isTabMessage(data: unknown): data is TabMessage {
  return isMetadata(data) && (data['kind'] === 'detach' || data['kind'] === 'subscribed')
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
    typeof settings['linger'] === 'number' &&
    typeof settings['authTimeout'] === 'number' &&
    isMetadata(settings['socket'])
  )
}
