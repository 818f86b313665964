/** @jsxImportSource preact */
import type { ErrorInspection } from '../../inspect/inspection.js'
import { ERRORS_PAGE, type PartylineErrorCode } from '../../util/errors.js'
import { Badge, Dot, Empty } from './parts.js'
import type { ViewProps } from './store.js'
import { agoText, countText, valueText } from './words.js'

/** What the line has reported, the last one first. */
export function ErrorsView({ inspection: { errors, at } }: ViewProps) {
  if (errors.length === 0) return <Empty>Nothing is wrong.</Empty>
  return (
    <ul class="errors">
      {[...errors].reverse().map((error) => (
        <li key={`${error.code} ${error.firstAt} ${error.message}`}>
          <div class="error-head">
            <Dot tone="bad" />
            <b>{error.code}</b>
            {error.count > 1 && <Badge>{countText(error.count, 'time')}</Badge>}
            <span class="right dim">{agoText(at - error.lastAt)}</span>
          </div>
          <p>{error.message}</p>
          {Object.keys(error.detail).length > 0 && <code class="dim">{valueText(error.detail)}</code>}
          <Remedy error={error} />
        </li>
      ))}
    </ul>
  )
}

/** The page of errors may stand at an address, or be a path in the repository. */
function Remedy({ error: { code } }: { readonly error: ErrorInspection }) {
  const place = `${ERRORS_PAGE}#${code}`
  return (
    <p class="remedy">
      {REMEDIES[code]}{' '}
      {place.startsWith('http') ? (
        <a href={place} target="_blank" rel="noreferrer">
          More
        </a>
      ) : (
        <small>{place}</small>
      )}
    </p>
  )
}

/** What to do about each error, in a line. A hint of the development build brings its own. */
const REMEDIES: Readonly<Partial<Record<PartylineErrorCode, string>>> = {
  'bad-option': 'Mend the option that is named here. Until then its default holds.',
  'unknown-event':
    'Give the event a rule in invalidates, or a handler with line.on. Or check its spelling at the server.',
  'bad-metadata': "Send a plain object that the rule's schema accepts.",
  'bad-frame': 'Look at what the server sent: a frame is a JSON text as docs/protocol.md describes it.',
  'rule-failed': "Mend the rule's function. It has to bear every metadata that the server may send.",
  'bad-target':
    "Give a key, a list of keys, or { queryKey, scope }. A single key as one of several: [['balance', id]].",
  'outside-touches': "Add the key's prefix to the rule's touches.",
  'no-touches': 'Declare touches, so that a gap refetches only what the rule can reach.',
  'share-failed': 'Keep data in the cache that can be cloned: no functions, no class instances.',
  'handler-failed': 'Mend the handler. Its error is in the console.',
  'inspect-failed':
    'Reload the page: its build may be gone from the server, and with it the code that inspects a line.',
  'host-failed':
    "Check that the worker's file is served, and that nothing keeps it busy. Until then a tab holds the connection.",
  'no-host': 'Look at the steps under Line: each says why its host was left.',
  'stale-build': 'Reload the page. At the server, keep the files of the last build for a while.',
  'call-timeout': 'Nothing to do, unless it comes often: then the machine or the worker is overloaded.',
  'connect-failed': 'Check the address, the server, and whether a proxy lets WebSockets through. Attempts go on.',
  unauthorized: 'Check what auth gives, and what the server expects.',
  'wrong-identity': 'Mount the line with the identity that the server knows the credentials by.',
  'auth-failed': 'Mend auth: it has to give plain data, in time.',
  'settings-differ': 'Give all tabs the same connection settings, or the lines different names.',
  'protocol-mismatch': 'Reload the tabs that run an older build.',
  'wrong-hub': 'Give the lines different names.',
  'topic-refused': 'Check whether this user may join the topic: authorize in createSessions.',
  'topic-failed': 'Answer requests for topics at the server: createSessions does.',
  'bad-topic': 'Name a topic with 1 to 200 characters, and use at most 100 in a tab.',
  'mounted-twice': 'Mount the line in one place, once per page.',
}
