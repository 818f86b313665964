/** @jsxImportSource preact */
import type { Inspection } from '../../inspect/inspection.js'
import { Dot, Empty, Facts, Section, Table } from './parts.js'
import type { Entry, ViewProps } from './store.js'
import { countText, durationText, STATUS_WORDS, type Tone, timeText } from './words.js'

const SPAN_MS = 10 * 60_000
const MAX_ROWS = 200

interface Stretch {
  readonly tone: Tone | 'unknown'
  readonly title: string
  readonly from: number
  readonly to: number
}

/** What has become of the connection in the last minutes. */
export function ConnectionView({ inspection, entries }: ViewProps) {
  const { hub } = inspection
  const stretches = stretchesOf(inspection, entries)
  const known = stretches.filter(({ tone }) => tone !== 'unknown')
  const total = known.reduce((sum, { from, to }) => sum + to - from, 0)
  const up = known.filter(({ tone }) => tone === 'good').reduce((sum, { from, to }) => sum + to - from, 0)
  const percent = total > 0 ? Math.floor((up / total) * 1_000) / 10 : 0
  const history = entries
    .filter(({ category }) => category === 'connection')
    .slice(-MAX_ROWS)
    .reverse()
  const summary =
    total > 0
      ? `Connected for ${percent}% of the last ${durationText(Math.max(1_000, Math.floor(total / 1_000) * 1_000))}`
      : 'Nothing is known yet'
  return (
    <>
      <div class="uptime">
        <b>{summary}</b>
        <div class="uptime-bar" role="img" aria-label={summary}>
          {stretches.map(({ tone, title, from, to }) => (
            <i key={from} class={tone} title={`${title}, ${durationText(to - from)}`} style={{ flexGrow: to - from }} />
          ))}
        </div>
        <div class="uptime-ends">
          <span>10 min ago</span>
          <span>now</span>
        </div>
      </div>
      <Facts
        facts={[
          ['Now', hub && `${hub.socket.name} for ${durationText(hub.socketAgeMs)}`],
          ['Why', hub && 'reason' in hub.socket && hub.socket.reason],
          ['Next attempt', hub?.nextAttemptInMs !== undefined && `in ${durationText(hub.nextAttemptInMs)}`],
          ['Attempts', hub && hub.attempts > 0 && hub.attempts],
          ['Did not hold', hub && hub.flaps > 0 && `${countText(hub.flaps, 'connection')} in a row`],
          ['Connections', hub?.counters.connections],
          ['Gaps', hub?.counters.gaps],
          ['Replays', hub?.counters.replays],
        ]}
      />
      <Section title="History">
        {history.length === 0 ? (
          <Empty>Nothing has happened to the connection since the panel was opened.</Empty>
        ) : (
          <Table
            label="History of the connection"
            rows={history}
            keyOf={({ record }) => String(record.n)}
            columns={[
              { title: 'Time', cell: ({ record }) => <time>{timeText(record.at)}</time> },
              {
                title: 'Where',
                cell: ({ record, words }) =>
                  record.from === 'hub' && record.kind !== 'hub' ? `hub, ${words.label}` : words.label,
              },
              {
                title: 'What',
                cell: ({ words }) => (
                  <span class="state">
                    <Dot tone={words.tone} />
                    {words.title}
                  </span>
                ),
              },
              { title: 'Why', cell: ({ words }) => words.note },
            ]}
          />
        )}
      </Section>
    </>
  )
}

/** What the line's status was, over the last ten minutes; before recording began it is unknown. */
function stretchesOf({ at, status, hub }: Inspection, entries: readonly Entry[]): readonly Stretch[] {
  const start = at - SPAN_MS
  const changes: { at: number; tone: Stretch['tone']; title: string }[] = [
    { at: start, tone: 'unknown', title: 'Unknown' },
  ]
  const add = (moment: number, name: keyof typeof STATUS_WORDS) => {
    const { tone, title } = STATUS_WORDS[name]
    const last = changes.at(-1)
    if (last?.title !== title) changes.push({ at: Math.max(moment, start), tone, title })
  }
  for (const { record } of entries) if (record.kind === 'status') add(record.at, record.name)
  // A tab that attached a moment ago knows from its hub how long the connection has been there.
  const ageMs = status.name === 'connected' && hub?.socket.name === 'connected' ? hub.socketAgeMs : 0
  add(Math.min(status.since || at, changes.length > 1 ? at : at - ageMs), status.name)
  return changes
    .map((change, index) => ({ ...change, from: change.at, to: changes[index + 1]?.at ?? at }))
    .filter(({ from, to }) => to > from)
}
