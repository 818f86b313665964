/** @jsxImportSource preact */
import type { HubTab } from '../../wire/hub-calls.js'
import type { SocketState } from '../../wire/protocol.js'
import { Badge, Dot, Empty } from './parts.js'
import type { ViewProps } from './store.js'
import { agoText, countText, durationText, HOST_WORDS, type Tone } from './words.js'

const SOCKET_TONES: Readonly<Record<SocketState['name'], Tone>> = {
  connecting: 'busy',
  connected: 'good',
  disconnected: 'bad',
  unauthorized: 'bad',
  'wrong-identity': 'bad',
}

/** A tab that has given no sign of life for so long may hang. */
const SILENT_MS = 60_000

/** The server, the hub and the tabs of this browser, as they stand to each other. */
export function TabsView({ inspection }: ViewProps) {
  const { hub, tab, settings } = inspection
  if (!hub) return <Empty>No hub answers, so nothing is known of other tabs.</Empty>
  const tone = SOCKET_TONES[hub.socket.name]
  const tabs = [...hub.tabs].sort((one, other) => rank(one, tab.id) - rank(other, tab.id))
  return (
    <div class="picture">
      <div class="node">
        <small>Server</small>
        <b>{String(settings['url'] ?? '')}</b>
        <span>
          {hub.roundTripMs === undefined || hub.socket.name !== 'connected'
            ? ''
            : `round trip ${durationText(hub.roundTripMs)}`}
        </span>
      </div>
      <div class={`wire ${tone}`}>
        <span>
          <Dot tone={tone} />
          {hub.socket.name}
        </span>
      </div>
      <div class="node">
        <small>Hub</small>
        <b>{HOST_WORDS[hub.host]}</b>
        <span>
          {hub.socket.name === 'connected' ? '1 connection' : 'no connection'}, {countText(hub.tabs.length, 'tab')}
        </span>
      </div>
      <ul class="tabs-of-hub" aria-label="Tabs">
        {tabs.map((one) => (
          <li key={one.id} class={one.isParked ? 'node parked' : 'node'}>
            <b>{one.title || (one.id === tab.id ? tab.title : '') || `Tab ${one.id.slice(0, 8)}`}</b>
            <span class="badges">
              {one.id === tab.id && <Badge tone="good">this tab</Badge>}
              {one.role && <Badge tone={one.role === 'leader' ? 'good' : 'calm'}>{one.role}</Badge>}
              {one.isParked ? (
                <Badge>parked</Badge>
              ) : (
                one.isVisible !== undefined && <Badge>{one.isVisible ? 'visible' : 'hidden'}</Badge>
              )}
              {one.heardAgoMs > SILENT_MS && !one.isParked && <Badge tone="bad">silent</Badge>}
            </span>
            <span>
              {countText(one.events.length, 'event')}, {countText(one.topics.length, 'topic')}, heard{' '}
              {agoText(one.heardAgoMs)}
            </span>
          </li>
        ))}
      </ul>
    </div>
  )
}

/** This tab first, then the leader, then those that are visible. */
const rank = ({ id, role, isVisible, isParked }: HubTab, own: string): number =>
  id === own ? 0 : role === 'leader' ? 1 : isVisible ? 2 : isParked ? 4 : 3
