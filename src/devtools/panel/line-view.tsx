/** @jsxImportSource preact */
import type { Inspection } from '../../inspect/inspection.js'
import { Badge, Dot, Facts, Section } from './parts.js'
import type { ViewProps } from './store.js'
import { type Entry, pickLast } from './store.js'
import { agoText, countText, durationText, HOST_WORDS, STATUS_WORDS, timeText, valueText } from './words.js'

/** What the line's connection is doing, and why. */
export function LineView({ inspection, entries }: ViewProps) {
  const { status, hub, at, settings } = inspection
  const { title, tone, meaning } = STATUS_WORDS[status.name]
  return (
    <>
      <div class="hero">
        <Dot tone={tone} />
        <div>
          <strong>{title}</strong>
          <p>
            {meaning}
            {hub?.nextAttemptInMs !== undefined && ` Next attempt in ${durationText(hub.nextAttemptInMs)}.`}
          </p>
        </div>
      </div>
      <Facts
        facts={[
          ['Why', status.reason],
          ['Since', status.since > 0 && `${timeText(status.since)} (${agoText(at - status.since)})`],
          ['Host', status.host && HOST_WORDS[status.host]],
          [
            'Tried before',
            status.steps.length > 0 &&
              status.steps.map(({ host, reason }) => (
                <span class="step" key={host}>
                  {HOST_WORDS[host]}: {reason}
                </span>
              )),
          ],
          ['Role', status.role],
          ['Tabs', status.tabs > 0 && countText(status.tabs, 'tab')],
          ['Identity', inspection.identity ?? 'nobody'],
          ['Attempts', hub && hub.attempts > 0 && `${hub.attempts} since the last connection that held`],
          [
            'Round trip',
            hub?.roundTripMs !== undefined && hub.socket.name === 'connected' && durationText(hub.roundTripMs),
          ],
          ['Credentials', credentialsText(inspection, entries)],
          ['Last gap', status.lastGap && `${timeText(status.lastGap.until)}, because ${status.lastGap.reason}`],
          [
            'Still to fetch',
            status.pending.count > 0 &&
              `${countText(status.pending.count, 'query', 'queries')}${status.pending.since ? ` since ${timeText(status.pending.since)}` : ''}`,
          ],
          ['Hub', hub ? `alive for ${durationText(hub.ageMs)}` : 'none, or it does not answer'],
        ]}
      />
      <Section title="Settings">
        <Facts
          facts={Object.entries(settings).map(([name, value]) => [
            name,
            value === undefined ? undefined : (
              <code key={name}>{typeof value === 'string' ? value : valueText(value)}</code>
            ),
          ])}
        />
      </Section>
    </>
  )
}

function credentialsText({ hub, at }: Inspection, entries: readonly Entry[]) {
  const expiresAt = pickLast(entries, (record) =>
    record.kind === 'credentials' && 'expiresAt' in record ? record.expiresAt : undefined,
  )
  const parts = [
    hub?.renewalInMs !== undefined && `renewed in ${durationText(hub.renewalInMs)}`,
    expiresAt !== undefined && `expire ${timeText(expiresAt)}`,
  ].filter(Boolean)
  const isExpired = expiresAt !== undefined && expiresAt < at
  return (
    parts.length > 0 && (
      <>
        {parts.join(', ')} {isExpired && <Badge tone="bad">expired</Badge>}
      </>
    )
  )
}
