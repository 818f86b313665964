import type { QueryKey } from '@tanstack/react-query'
import type { Receipt } from 'partyline'
import { feed } from '../../receipts.js'
import { useStore } from '../../store.js'

/** What came over the line and what it did in this tab, newest first. */
export function Feed() {
  const items = useStore(feed)
  return (
    <section className="feed" aria-labelledby="feed-title">
      <h3 id="feed-title">In this tab</h3>
      {items.length === 0 && <p className="quiet">Nothing yet. Try a button above, or another tab.</p>}
      {/* Reachable by keyboard, since it scrolls. */}
      <ol tabIndex={items.length > 0 ? 0 : -1} aria-labelledby="feed-title">
        {items.map(({ id, receipt }) => (
          <FeedEntry key={id} receipt={receipt} />
        ))}
      </ol>
    </section>
  )
}

const OUTCOMES = [
  { outcome: 'refetched', means: 'fetched now' },
  { outcome: 'joined', means: 'was being fetched already: once more when that is done' },
  { outcome: 'deferred', means: 'marked stale, fetched when it is needed' },
  { outcome: 'skipped', means: 'left alone: its key says that it can’t contain the change' },
  { outcome: 'covered', means: 'left alone: this tab has the change already' },
] as const

function FeedEntry({ receipt }: { receipt: Receipt }) {
  const nothing = OUTCOMES.every(({ outcome }) => receipt[outcome].length === 0)
  return (
    <li className="feed-item" data-testid="feed-item" data-cause={receipt.cause}>
      <p className="feed-head">
        <time dateTime={new Date(receipt.at).toISOString()}>{new Date(receipt.at).toLocaleTimeString('en-GB')}</time>
        {headOf(receipt).map(({ name, count }) => (
          <span key={name} className="event">
            {name}
            {count > 1 && <b> ×{count}</b>}
          </span>
        ))}
      </p>
      {nothing && <p className="quiet">Nothing on this screen</p>}
      {OUTCOMES.map(
        ({ outcome, means }) =>
          receipt[outcome].length > 0 && (
            <p key={outcome} className="outcome" data-outcome={outcome} title={means}>
              <span className="outcome-name">{outcome}</span>
              <span className="chips">
                {receipt[outcome].map((key) => (
                  <code key={JSON.stringify(key)} className="chip">
                    {formatKey(key)}
                  </code>
                ))}
              </span>
            </p>
          ),
      )}
    </li>
  )
}

/** The events with how often they came, or what else was the cause. */
function headOf({ cause, events, refetched, joined }: Receipt): { name: string; count: number }[] {
  const fetches = refetched.length + joined.length > 0
  if (cause === 'gap') return [{ name: fetches ? 'caught up after a gap' : 'a gap, to catch up with', count: 1 }]
  if (cause === 'poll') return [{ name: 'asked, while the line is down', count: 1 }]
  if (cause === 'visible') return [{ name: 'looked at again', count: 1 }]
  const counts = new Map<string, number>()
  for (const { name } of events) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].map(([name, count]) => ({ name, count }))
}

/** A query key for people: `balance 11`, `transactions type: card, page: 1`. */
function formatKey(key: QueryKey): string {
  return key
    .map((part) =>
      typeof part === 'object' && part !== null
        ? Object.entries(part)
            .map(([field, value]) => `${field}: ${String(value)}`)
            .join(', ')
        : String(part),
    )
    .join(' ')
}
