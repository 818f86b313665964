/** @jsxImportSource preact */
import { useState } from 'preact/hooks'
import type { Explanation, RuleInspection } from '../../inspect/inspection.js'
import { messageOf } from '../../util/errors.js'
import { EventForm } from './event-form.js'
import { Fates } from './events-view.js'
import { Badge, Empty, Keys, Section, Table } from './parts.js'
import type { ViewProps } from './store.js'
import { countText } from './words.js'

/** What each event can reach, what it did reach, and what an event would do. */
export function RulesView(view: ViewProps) {
  const { rules, queries } = view.inspection
  const unreached = queries.filter(({ reachedBy, live }) => reachedBy.length === 0 && live !== 'off')
  return (
    <>
      {rules.length === 0 ? (
        <Empty>The line has no rules.</Empty>
      ) : (
        <Table
          label="Rules"
          rows={rules}
          keyOf={({ event }) => event}
          columns={[
            { title: 'Event', cell: ({ event }) => <b>{event}</b> },
            { title: 'Reaches', cell: ({ touches }) => <Keys keys={touches} /> },
            { title: 'Events', isNumber: true, cell: ({ events }) => events },
            { title: 'Hits', isNumber: true, cell: ({ hits }) => hits },
            { title: 'Misses', isNumber: true, cell: ({ misses }) => misses },
            { title: 'Note', cell: noteOf },
          ]}
        />
      )}
      {unreached.length > 0 && (
        <Section title={`${countText(unreached.length, 'query', 'queries')} that no rule reaches`}>
          <p class="dim">No event refetches them. Add a rule, or say that they need none: meta: {"{ live: 'off' }"}.</p>
          <Keys keys={unreached.map(({ queryKey }) => queryKey)} />
        </Section>
      )}
      <Section title="Try it">
        <p class="dim">Shows what an event would do to each query. Nothing is fetched.</p>
        <TryIt {...view} />
      </Section>
    </>
  )
}

function noteOf({ events, hits, touches, isDeclared }: RuleInspection) {
  if (events > 0 && hits === 0) return <Badge tone="bad">matched nothing so far</Badge>
  if (touches.some((touch) => touch.length === 0))
    return <Badge tone="busy">{isDeclared ? 'reaches every query' : 'declare touches'}</Badge>
  return undefined
}

function TryIt(view: ViewProps) {
  const [answer, setAnswer] = useState<readonly Explanation[]>()
  const [fault, setFault] = useState<string>()
  return (
    <>
      <EventForm
        view={view}
        action="Try"
        onSubmit={(event, metadata) =>
          view.store.line.explain(event, metadata).then(
            (explanations) => {
              setAnswer(explanations)
              setFault(undefined)
              const count = explanations.filter(({ outcome }) => outcome === 'matches').length
              view.say(`${countText(count, 'query', 'queries')} would be refetched`)
            },
            (thrown) => setFault(messageOf(thrown)),
          )
        }
      />
      {fault && <p class="fault">{fault}</p>}
      {answer && (
        <Fates
          fates={[...answer].sort((one, other) => ORDER[one.outcome] - ORDER[other.outcome])}
          receipt={undefined}
        />
      )}
    </>
  )
}

const ORDER: Readonly<Record<Explanation['outcome'], number>> = { matches: 0, skipped: 1, off: 2, unmatched: 3 }
