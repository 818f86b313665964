/** @jsxImportSource preact */
import type { QueryInspection } from '../../inspect/inspection.js'
import { Badge, Dot, Empty, Key, Table } from './parts.js'
import type { ViewProps } from './store.js'
import { agoText, durationText, type Tone } from './words.js'

/** The cache's queries, and how each follows events. */
export function QueriesView({ inspection: { queries, at } }: ViewProps) {
  if (queries.length === 0) return <Empty>The cache holds no query.</Empty>
  const ago = (moment: number) => (moment > 0 ? agoText(at - moment) : 'never')
  return (
    <Table
      label="Queries"
      rows={queries}
      keyOf={({ queryHash }) => queryHash}
      columns={[
        { title: 'Query', cell: ({ queryKey }) => <Key value={queryKey} /> },
        {
          title: 'State',
          cell: (query) => (
            <span class="state">
              <Dot tone={toneOf(query)} />
              {stateOf(query)}
            </span>
          ),
        },
        { title: 'Live', cell: ({ live }) => live },
        { title: 'Last fetched', isNumber: true, cell: ({ lastFetchedAt }) => ago(lastFetchedAt) },
        { title: 'Last event', cell: ({ lastEvent }) => (lastEvent ? `${lastEvent.name}, ${ago(lastEvent.at)}` : '') },
        {
          title: 'Owes a fetch',
          isNumber: true,
          cell: ({ pendingSince }) => pendingSince !== undefined && `for ${durationText(at - pendingSince)}`,
        },
        {
          title: 'Reached by',
          cell: ({ reachedBy, live }) =>
            reachedBy.length > 0 ? reachedBy.join(', ') : live === 'off' ? '' : <Badge tone="busy">no rule</Badge>,
        },
      ]}
    />
  )
}

const stateOf = ({ fetchStatus, status, isActive }: QueryInspection): string =>
  fetchStatus === 'idle' ? `${status}${isActive ? '' : ', not in use'}` : fetchStatus

const toneOf = ({ fetchStatus, status, isActive, pendingSince }: QueryInspection): Tone =>
  status === 'error'
    ? 'bad'
    : fetchStatus !== 'idle' || pendingSince !== undefined
      ? 'busy'
      : isActive
        ? 'good'
        : 'calm'
