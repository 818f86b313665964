import { expect, it } from 'vitest'
import { lineOf } from './console.js'
import type { LineRecord } from './inspection.js'

const at = new Date(2_026, 0, 2, 12, 0, 1, 204).getTime()
const NO_QUERIES = { refetched: [], shared: [], joined: [], deferred: [], skipped: [], covered: [], failed: [] }
const event = { name: 'transaction_happened', metadata: { accountId: 7 } }
const receipt = (change: object) => ({
  from: 'tab',
  kind: 'receipt',
  receipt: { number: 1, at, cause: 'events', answers: [], events: [event], ...NO_QUERIES, ...change },
})

it.each<[line: string, record: object]>([
  [
    'transaction_happened {accountId: 7} -> 2 refetched, 1 skipped (type)',
    { ...receipt({ refetched: [['a'], ['b']], skipped: [['c']] }), skippedBy: ['type'] },
  ],
  ['transaction_happened {accountId: 7} -> nothing', receipt({})],
  ['gap -> 1 deferred', receipt({ cause: 'gap', events: [], deferred: [['a']] })],
  [
    'transaction_happened {accountId: 7}, transaction_happened {accountId: 7}, transaction_happened {accountId: 7} and 7 more -> nothing',
    receipt({ events: Array(10).fill(event) }),
  ],
  ['event transaction_happened {accountId: 7} (no rule)', { from: 'tab', kind: 'event', event, isMapped: false }],
  [
    'status connected, leader-tab (follower), 3 tabs',
    { from: 'tab', kind: 'status', name: 'connected', host: 'leader-tab', role: 'follower', tabs: 3 },
  ],
  [
    'fetch ["balance", 7] failed after 1.5 s: TypeError: no network',
    {
      from: 'tab',
      kind: 'fetch',
      queryKey: ['balance', 7],
      outcome: 'failed',
      durationMs: 1_500,
      reason: 'TypeError: no\nnetwork',
    },
  ],
  ['error rule-failed: it threw', { from: 'tab', kind: 'error', code: 'rule-failed', message: 'it threw', detail: {} }],
  ['gap: the socket was away', { from: 'tab', kind: 'gap', reason: 'the socket was away', until: at }],
  [
    'send chat:say timed-out after 10.0 s',
    { from: 'tab', kind: 'send', event: 'chat:say', outcome: 'timed-out', durationMs: 10_000 },
  ],
  ['credentials given', { from: 'tab', kind: 'credentials', step: 'given' }],
  [
    'topic room refused: not yours',
    { from: 'tab', kind: 'topic', topic: 'room', step: 'refused', reason: 'not yours' },
  ],
  [
    'hub: connection waiting attempt 3 in 400 ms: no answer',
    { from: 'hub', kind: 'connection', step: 'waiting', attempt: 3, inMs: 400, reason: 'no answer' },
  ],
])('%s', (line, record) => {
  expect(lineOf({ n: 1, at, ...record } as LineRecord)).toBe(`[partyline] 12:00:01.204 ${line}`)
})

it('is one line of bounded length, whatever the metadata', () => {
  const metadata = { text: `a\nb${'x'.repeat(1_000)}` }
  const line = lineOf({
    n: 1,
    at,
    from: 'tab',
    kind: 'event',
    event: { name: 'e'.repeat(500), metadata },
    isMapped: true,
  })
  expect(line).not.toContain('\n')
  expect(line.length).toBeLessThanOrEqual(300)
})
