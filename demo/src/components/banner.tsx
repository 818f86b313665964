import { useIsFetching } from '@tanstack/react-query'
import type { Status } from 'partyline'
import { usePartylineStatus } from 'partyline/react'
import { useEffect, useState } from 'react'
import { isStaleBuild } from '../errors.js'
import { failure } from '../news.js'
import { queryClient } from '../query-client.js'
import { line } from '../realtime.js'
import { checkSession, signOut } from '../session.js'
import { shownSince } from '../shown-since.js'
import { useStore } from '../store.js'
import { Button } from './button.js'

/** A connection that is back sooner is not worth a word; nor is a fetch that takes no longer. */
const PAUSED_AFTER_MS = 2_000
const SLOW_AFTER_MS = 5_000

interface Notice {
  readonly text: string
  /** What the bank says to it. */
  readonly said?: string
  readonly actions: readonly (readonly [label: string, act: () => unknown])[]
}

const timeOf = (at: number) => new Date(at).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })

const RECONNECT = ['Try now', () => line.retry()] as const
const FETCH = [
  'Try now',
  () => queryClient.refetchQueries({ type: 'active', predicate: ({ state }) => state.isInvalidated }),
] as const

/** What keeps this page from being live, if anything does. */
function troubleOf(
  { name, reason, since, pending }: Status,
  shown: number | undefined,
  isLong: (since: number, ms: number) => boolean,
) {
  const paused = `Live updates paused since ${timeOf(since)}, what you see may be old.`
  switch (name) {
    case 'unauthorized':
      return {
        text: `${paused} The bank no longer accepts this sign-in.`,
        ...(reason && { said: `Its answer: ${reason}.` }),
        actions: [
          ['Try again', () => line.retry()],
          ['Sign in again', signOut],
        ],
      } satisfies Notice
    case 'wrong-identity':
      return {
        text: `${paused} Somebody else is signed in in this browser.`,
        actions: [['Show who', () => checkSession()]],
      } satisfies Notice
    case 'disconnected':
      return isLong(since, PAUSED_AFTER_MS) ? { text: `${paused} Reconnecting…`, actions: [RECONNECT] } : undefined
    case 'connecting':
      return isLong(since, SLOW_AFTER_MS)
        ? { text: 'No live updates yet, so what you see may get old. Connecting…', actions: [RECONNECT] }
        : undefined
    default:
      // A hidden page fetches when it is shown: until then nobody has asked the bank.
      return shown !== undefined && pending.since !== undefined && isLong(Math.max(pending.since, shown), SLOW_AFTER_MS)
        ? {
            text: `Some of what you see is old since ${timeOf(pending.since)}. The bank does not answer; it is asked again…`,
            actions: [FETCH],
          }
        : undefined
  }
}

const STALE_BUILD: Notice = {
  text: 'There is a new version of Ledger. Reload the page, or live updates may stop.',
  actions: [['Reload', () => location.reload()]],
}

/** The status, and what is wrong once it has been so for long enough. */
export function useTrouble(): Notice | undefined {
  const status = usePartylineStatus()
  const shown = useStore(shownSince)
  const isLoading = useIsFetching({ predicate: ({ state }) => state.data === undefined }) > 0
  // As of the last look at the clock: rendering asks no clock.
  const [now, setNow] = useState(Date.now)
  const dues: number[] = []
  const notice = troubleOf(status, shown, (since, ms) => {
    const due = since + ms
    if (due > now) dues.push(due)
    // What is fetched for the first time is not old.
    return due <= now && !(isLoading && status.name === 'connected')
  })
  const [due] = dues
  useEffect(() => {
    if (due === undefined) return
    const timer = setTimeout(() => setNow(Date.now()), Math.max(0, due - Date.now()) + 20)
    return () => clearTimeout(timer)
  }, [due])
  return notice
}

/** Under the header, and read out when it changes: why this page may be old, and what there is to do. */
export function Banner() {
  const trouble = useTrouble()
  const isStale = useStore(isStaleBuild)
  const failed = useStore(failure)
  const notices: readonly (Notice | false | undefined)[] = [
    isStale && STALE_BUILD,
    trouble,
    failed !== undefined && { text: failed, actions: [['Dismiss', () => failure.set(undefined)]] },
  ]
  return (
    <div className="banners" role="status">
      {notices.map(
        (notice, index) =>
          notice && (
            // biome-ignore lint/suspicious/noArrayIndexKey: each of the three has its place.
            <div key={index} className="banner" data-testid="banner" data-kind={['build', 'paused', 'failed'][index]}>
              <p>
                {notice.text}
                {notice.said && <span data-testid="status-reason"> {notice.said}</span>}
              </p>
              {notice.actions.map(([label, act]) => (
                <Button key={label} className="button" onClick={() => void act()}>
                  {label}
                </Button>
              ))}
            </div>
          ),
      )}
    </div>
  )
}
