import type { InspectedLine } from 'partyline/devtools'
import type { Explanation, Inspection, LineRecord, QueryInspection } from '../../src/inspect/inspection.js'
import type { Receipt, ServerEvent } from '../../src/invalidation/receipt.js'
import type { HubInspection, HubTab, Simulation } from '../../src/wire/hub-calls.js'
import type { Status } from '../../src/wire/status.js'

/** `healthy`: five tabs on a worker. `broken`: no server, a leader tab, rules that match nothing. `idle`: nobody is signed in. */
export type Scenario = 'healthy' | 'broken' | 'idle'

export interface FixtureLine {
  readonly line: InspectedLine
  readonly simulations: Simulation[]
  /** How often it was inspected. */
  inspections: number
  /** How many listen to records. */
  readonly listeners: number
  record(record: Record<string, unknown>): void
  /** So many events, each with its receipt. */
  burst(count: number): void
  become(scenario: Scenario): void
  /** Another user: the former one's records are dropped. */
  signIn(identity: string): void
}

const MINUTE_MS = 60_000
const EVENTS = ['balance_updated', 'loan_status_changed', 'profile_updated', 'transaction_happened']

const query = (queryKey: readonly unknown[], reachedBy: readonly string[], more: Partial<QueryInspection> = {}) => ({
  queryKey,
  queryHash: JSON.stringify(queryKey),
  status: 'success',
  fetchStatus: 'idle',
  isActive: true,
  live: 'auto' as const,
  lastFetchedAt: Date.now() - 42_000,
  lastEvent: undefined,
  pendingSince: undefined,
  reachedBy,
  ...more,
})

const queries = (): readonly QueryInspection[] => [
  query(['balance', 'acc-1'], ['balance_updated', 'transaction_happened'], {
    lastFetchedAt: Date.now() - 1_400,
    lastEvent: { name: 'transaction_happened', at: Date.now() - 1_600 },
  }),
  query(['balance', 'acc-2'], ['balance_updated', 'transaction_happened']),
  query(['transactions', { accountId: 'acc-1', type: 'salary' }], ['transaction_happened']),
  query(['transactions', { accountId: 'acc-1', type: 'card' }], ['transaction_happened'], {
    fetchStatus: 'fetching',
    pendingSince: Date.now() - 900,
  }),
  query(['loans'], ['loan_status_changed'], { isActive: false, lastFetchedAt: Date.now() - 320_000 }),
  query(['loan-summary'], ['loan_status_changed'], { live: 'manual' }),
  query(['exchange-rates', 'EUR'], []),
]

const tab = (index: number, more: Partial<HubTab> = {}): HubTab => ({
  id: `tab-${index}-3f9a1c`,
  title: ['Ledger: accounts', 'Ledger: transactions', 'Ledger: loans', 'Ledger: profile', 'Ledger'][index] ?? 'Ledger',
  isVisible: index === 0,
  events: EVENTS,
  topics: index < 2 ? ['account:acc-1'] : [],
  heardAgoMs: 400 + index * 2_100,
  ...more,
})

function hubOf(scenario: Scenario): HubInspection | undefined {
  if (scenario === 'idle') return undefined
  const isBroken = scenario === 'broken'
  return {
    epoch: 'e1',
    host: isBroken ? 'leader-tab' : 'shared-worker',
    ageMs: 8 * MINUTE_MS,
    socket: isBroken
      ? { name: 'disconnected', reason: 'connect ECONNREFUSED: the server can\u2019t be reached' }
      : { name: 'connected' },
    socketAgeMs: isBroken ? 95_000 : 7 * MINUTE_MS,
    attempts: isBroken ? 6 : 0,
    ...(isBroken ? { nextAttemptInMs: 12_400 } : { roundTripMs: 23, renewalInMs: 14 * MINUTE_MS }),
    flaps: isBroken ? 2 : 0,
    tabs: [0, 1, 2, 3, 4].map((index) =>
      tab(index, {
        ...(isBroken && { role: index === 1 ? 'leader' : 'follower' }),
        ...(index === 3 && { isParked: true }),
        ...(isBroken && index === 4 && { heardAgoMs: 130_000 }),
      }),
    ),
    topics: [
      { name: 'account:acc-1', state: 'joined', tabs: 2 },
      { name: 'desk:7', state: 'joined', tabs: 1 },
    ],
    counters: { events: 1_284, batches: 311, characters: 96_120, connections: isBroken ? 4 : 2, gaps: 1, replays: 2 },
    records: [],
  }
}

function statusOf(scenario: Scenario): Status {
  const standing = {
    host: 'shared-worker',
    role: undefined,
    steps: [],
    tabs: 5,
    since: Date.now() - 7 * MINUTE_MS,
    epoch: 'e1',
    lastGap: { reason: 'the hub was restarted', until: Date.now() - 7 * MINUTE_MS },
    pending: { count: 0, since: undefined },
  } as const
  if (scenario === 'idle')
    return { ...standing, name: 'idle', host: undefined, tabs: 0, since: Date.now() - 3_000, lastGap: undefined }
  if (scenario === 'healthy') return { ...standing, name: 'connected' }
  return {
    ...standing,
    name: 'disconnected',
    reason: 'connect ECONNREFUSED: the server can\u2019t be reached',
    host: 'leader-tab',
    role: 'follower',
    since: Date.now() - 95_000,
    steps: [{ host: 'shared-worker', reason: 'the file of the worker is missing: /assets/worker.js answered 404' }],
    pending: { count: 3, since: Date.now() - 61_000 },
  }
}

const explanationsOf = (metadata: Readonly<Record<string, unknown>>): readonly Explanation[] =>
  queries().map(({ queryKey }) => {
    const [name, second] = queryKey
    if (name === 'balance')
      return second === metadata['accountId']
        ? { queryKey, outcome: 'matches', reason: 'its key begins with the target', target: { queryKey } }
        : { queryKey, outcome: 'unmatched', reason: 'no target has its key' }
    if (name !== 'transactions') return { queryKey, outcome: 'unmatched', reason: 'no target has its key' }
    const { type } = second as { type: string }
    return metadata['txType'] === undefined || metadata['txType'] === type
      ? { queryKey, outcome: 'matches', reason: 'its key agrees with the scope' }
      : { queryKey, outcome: 'skipped', reason: `type: ${type} is not ${String(metadata['txType'])}` }
  })

export function createFixtureLine(first: Scenario): FixtureLine {
  let scenario = first
  let status = statusOf(scenario)
  const statusListeners = new Set<() => void>()
  const recordListeners = new Set<(record: LineRecord) => void>()
  const records: LineRecord[] = []
  const simulations: Simulation[] = []
  let receipts = 0
  let identity = 'ann'
  let count = 0

  function record(fields: Record<string, unknown>): void {
    const made = { n: ++count, at: Date.now(), from: 'tab', ...fields } as unknown as LineRecord
    records.push(made)
    for (const listener of recordListeners) listener(made)
  }

  function event(name: string, metadata: Readonly<Record<string, unknown>>, ago = 0): void {
    const at = Date.now() - ago
    const sent: ServerEvent = { name, metadata }
    record({ at, kind: 'event', event: sent, isMapped: EVENTS.includes(name) })
    if (!EVENTS.includes(name)) return
    const explained = name === 'transaction_happened' ? explanationsOf(metadata) : []
    const keys = (outcome: string) => explained.filter((one) => one.outcome === outcome).map(({ queryKey }) => queryKey)
    const receipt: Receipt = {
      number: ++receipts,
      at: at + 50,
      cause: 'events',
      answers: [],
      events: [sent],
      refetched: keys('matches'),
      shared: [],
      joined: name === 'loan_status_changed' ? [['loans']] : [],
      deferred: name === 'loan_status_changed' ? [['loan-summary']] : [],
      skipped: keys('skipped'),
      covered: [],
      failed: [],
    }
    record({ at: at + 50, kind: 'receipt', receipt })
    for (const queryKey of receipt.refetched)
      record({ at: at + 190, kind: 'fetch', queryKey, outcome: 'succeeded', durationMs: 138 })
    if (receipt.joined.length > 0)
      record({
        at: at + 400,
        kind: 'receipt',
        receipt: {
          ...receipt,
          number: ++receipts,
          at: at + 400,
          cause: 'again',
          answers: [receipt.number],
          events: [],
          joined: [],
          deferred: [],
          refetched: [['loans']],
        },
      })
  }

  function history(): void {
    const status = (name: string, ago: number, more = {}) =>
      record({ at: Date.now() - ago, kind: 'status', name, host: 'shared-worker', tabs: 5, ...more })
    const hub = (kind: string, step: string, ago: number, more = {}) =>
      record({ at: Date.now() - ago, from: 'hub', kind, step, ...more })
    status('connecting', 9 * MINUTE_MS, { reason: undefined })
    hub('connection', 'connecting', 9 * MINUTE_MS, { attempt: 1 })
    hub('connection', 'connected', 8.9 * MINUTE_MS)
    status('connected', 8.9 * MINUTE_MS)
    hub('hub', 'attached', 8.8 * MINUTE_MS, { tab: 'tab-2-3f9a1c' })
    hub('connection', 'lost', 7.6 * MINUTE_MS, { reason: 'transport close' })
    status('disconnected', 7.6 * MINUTE_MS, { reason: 'transport close' })
    hub('connection', 'waiting', 7.6 * MINUTE_MS, { attempt: 1, inMs: 1_200 })
    hub('connection', 'connected', 7 * MINUTE_MS)
    status('connected', 7 * MINUTE_MS)
    record({
      at: Date.now() - 7 * MINUTE_MS,
      kind: 'gap',
      reason: 'the server no longer had the missed events',
      until: Date.now() - 7 * MINUTE_MS,
    })
    record({
      at: Date.now() - 6 * MINUTE_MS,
      kind: 'credentials',
      step: 'given',
      expiresAt: Date.now() + 15 * MINUTE_MS,
    })
    record({ at: Date.now() - 5 * MINUTE_MS, kind: 'topic', topic: 'account:acc-1', step: 'joined' })
    event('profile_updated', {}, 4 * MINUTE_MS)
    event('transaction_happened', { accountId: 'acc-1', txType: 'salary' }, 3 * MINUTE_MS)
    event('card_blocked', { cardId: 'c-77' }, 2 * MINUTE_MS)
    event('loan_status_changed', { loanId: 'l-5', status: 'approved' }, 90_000)
    event('transaction_happened', { accountId: 'acc-2', txType: 'card' }, 30_000)
    event('balance_updated', { accountId: 'acc-9' }, 8_000)
    event('transaction_happened', { accountId: 'acc-1' }, 1_600)
    if (scenario !== 'broken') return
    status('disconnected', 95_000, { reason: 'connect ECONNREFUSED', host: 'leader-tab' })
    for (const attempt of [1, 2, 3, 4, 5, 6])
      hub('connection', 'refused', 95_000 - attempt * 9_000, { attempt, reason: 'connect ECONNREFUSED' })
    record({
      kind: 'error',
      code: 'connect-failed',
      message: 'the server can\u2019t be reached: connect ECONNREFUSED',
      detail: {},
    })
  }

  const inspect = (): Inspection => {
    const isBroken = scenario === 'broken'
    return {
      at: Date.now(),
      tab: { id: 'tab-0-3f9a1c', title: 'Ledger: accounts', isVisible: true },
      status,
      identity: scenario === 'idle' ? undefined : identity,
      settings: {
        key: 'partyline:ledger:5e0c',
        name: 'ledger',
        url: 'https://api.example.com',
        transport: 'socket.io',
        host: 'auto',
        jitterMs: 2_000,
        waitMs: 50,
        maxWaitMs: 1_000,
        polling: false,
        shareFetches: false,
      },
      rules: EVENTS.map((event, index) => ({
        event,
        touches: [[['balance']], [['loans'], ['loan-summary']], [[]], [['transactions'], ['balance']]][index] ?? [],
        isDeclared: index !== 2,
        hasSchema: index === 3,
        events: isBroken ? 10 : 12 * (index + 1),
        hits: isBroken && index === 0 ? 0 : 10 * (index + 1),
        misses: isBroken && index === 0 ? 10 : 2 * (index + 1),
      })),
      queries: scenario === 'idle' ? [] : queries(),
      topics: [
        { name: 'account:acc-1', state: 'joined' },
        ...(isBroken ? [{ name: 'desk:9', state: 'refused', reason: 'not your desk' }] : []),
      ],
      errors: isBroken
        ? [
            {
              code: 'host-failed',
              message: 'the file of the worker is missing: /assets/worker.js answered 404',
              detail: { host: 'shared-worker' },
              count: 1,
              firstAt: Date.now() - 8 * MINUTE_MS,
              lastAt: Date.now() - 8 * MINUTE_MS,
            },
            {
              code: 'unknown-event',
              message: "the server sent 'card_blocked', which no rule names and no handler hears",
              detail: { event: 'card_blocked' },
              count: 4,
              firstAt: Date.now() - 4 * MINUTE_MS,
              lastAt: Date.now() - 2 * MINUTE_MS,
            },
            {
              code: 'connect-failed',
              message: 'the server can\u2019t be reached: connect ECONNREFUSED',
              detail: {},
              count: 2,
              firstAt: Date.now() - 95_000,
              lastAt: Date.now() - 95_000,
            },
          ]
        : [],
      savings: {
        events: 412,
        outcomes: {
          refetched: 318,
          shared: 0,
          joined: 21,
          deferred: 140,
          skipped: 655,
          covered: 12,
          failed: isBroken ? 9 : 0,
        },
        fetches: 352,
        fetchesWithoutPartyline: 2_471,
      },
      hub: hubOf(scenario),
      records: records.slice(-500),
    }
  }

  const fixture: FixtureLine = {
    simulations,
    inspections: 0,
    get listeners() {
      return recordListeners.size
    },
    record,
    burst(count) {
      for (let index = 0; index < count; index++)
        event('transaction_happened', { accountId: 'acc-1', txType: 'card', n: index })
    },
    become(next) {
      scenario = next
      status = statusOf(next)
      for (const listener of statusListeners) listener()
    },
    signIn(next) {
      identity = next
      records.length = 0
    },
    line: {
      get status() {
        return status
      },
      subscribe(listener) {
        statusListeners.add(listener)
        return () => void statusListeners.delete(listener)
      },
      async inspect() {
        fixture.inspections++
        return inspect()
      },
      onRecord(listener) {
        for (const kept of records.slice(-500)) listener(kept)
        recordListeners.add(listener)
        return () => void recordListeners.delete(listener)
      },
      explain: async (_event, metadata) => explanationsOf(metadata),
      async simulate(simulation) {
        simulations.push(simulation)
        if (simulation.name === 'event')
          for (let sent = 0; sent < (simulation.count ?? 1); sent++) event(simulation.event, simulation.metadata ?? {})
      },
    },
  }
  if (scenario !== 'idle') history()
  return fixture
}
