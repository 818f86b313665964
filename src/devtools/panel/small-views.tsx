/** @jsxImportSource preact */
import { Dot, Empty, Facts, Section, Table } from './parts.js'
import type { ViewProps } from './store.js'
import { OUTCOME_NAMES, OUTCOME_WORDS, type Tone } from './words.js'

const TOPIC_TONES: Readonly<Record<string, Tone>> = { joined: 'good', refused: 'bad', failed: 'bad' }

/** The topics of this tab, and of the others in this browser. */
export function TopicsView({ inspection: { topics, hub } }: ViewProps) {
  const own = new Set(topics.map(({ name }) => name))
  const others = (hub?.topics ?? [])
    .filter(({ name }) => !own.has(name))
    .map((topic) => ({ ...topic, isElsewhere: true }))
  const rows: { name: string; state: string; reason?: string; isElsewhere?: boolean }[] = [...topics, ...others]
  if (rows.length === 0) return <Empty>No tab uses a topic.</Empty>
  return (
    <Table
      label="Topics"
      rows={rows}
      keyOf={({ name }) => name}
      columns={[
        { title: 'Topic', cell: ({ name }) => <code>{name}</code> },
        {
          title: 'State',
          cell: ({ state }) => (
            <span class="state">
              <Dot tone={TOPIC_TONES[state] ?? 'busy'} />
              {state}
            </span>
          ),
        },
        { title: 'Tabs', isNumber: true, cell: ({ name }) => hub?.topics.find((one) => one.name === name)?.tabs ?? '' },
        { title: 'Why', cell: ({ reason, isElsewhere }) => reason ?? (isElsewhere ? 'other tabs only' : '') },
      ]}
    />
  )
}

/** What one connection and scoped refetches have spared. */
export function SavingsView({ inspection: { savings, hub, status } }: ViewProps) {
  const { fetches, fetchesWithoutPartyline, outcomes } = savings
  const most = Math.max(fetches, fetchesWithoutPartyline, 1)
  const bars = [
    ['With Partyline', fetches],
    ['With a refetch of all active queries at each event', fetchesWithoutPartyline],
  ] as const
  const largest = Math.max(1, ...OUTCOME_NAMES.map((name) => outcomes[name]))
  return (
    <>
      <div class="figures">
        <Figure value={Math.max(0, status.tabs - 1)} unit="connections spared" />
        <Figure value={Math.max(0, fetchesWithoutPartyline - fetches)} unit="fetches spared in this tab" />
        <Figure value={savings.events} unit="events came to this tab" />
      </div>
      <Section title="Fetches of this tab">
        <Bars
          rows={bars.map(([name, value]) => ({
            name,
            value,
            share: value / most,
            tone: name === 'With Partyline' ? 'good' : 'calm',
          }))}
        />
      </Section>
      <Section title="What events did to queries">
        <Bars
          rows={OUTCOME_NAMES.map((name) => ({
            name,
            value: outcomes[name],
            share: outcomes[name] / largest,
            tone: OUTCOME_WORDS[name].tone,
          }))}
        />
      </Section>
      {hub && (
        <Section title="The hub, since it began">
          <Facts
            facts={[
              ['Events in', hub.counters.events.toLocaleString('en')],
              ['Batches out', hub.counters.batches.toLocaleString('en')],
              ['Characters out', hub.counters.characters.toLocaleString('en')],
            ]}
          />
        </Section>
      )}
    </>
  )
}

const Figure = ({ value, unit }: { readonly value: number; readonly unit: string }) => (
  <p class="figure">
    <b>{value.toLocaleString('en')}</b>
    {unit}
  </p>
)

interface Bar {
  readonly name: string
  readonly value: number
  readonly share: number
  readonly tone: Tone
}

const Bars = ({ rows }: { readonly rows: readonly Bar[] }) => (
  <ul class="bars">
    {rows.map(({ name, value, share, tone }) => (
      <li key={name}>
        <span>{name}</span>
        <i>
          <em class={tone} style={{ width: `${share * 100}%` }} />
        </i>
        <b>{value.toLocaleString('en')}</b>
      </li>
    ))}
  </ul>
)
