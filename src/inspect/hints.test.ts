import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { compileRule } from '../invalidation/rule.js'
import type { FileState } from '../platform/line-powers.js'
import type { Metadata } from '../wire/protocol.js'
import { createHints, type HintsOptions } from './hints.js'

beforeEach(() => vi.useFakeTimers())

type Key = readonly unknown[]
interface Setting {
  readonly invalidates?: HintsOptions['invalidates']
  readonly keys?: readonly Key[]
  readonly look?: FileState
  readonly isConnected?: boolean
  /** Default: a new one. */
  readonly name?: string
}

let lines = 0

function setUp({ invalidates = {}, keys = [], look = 'there', isConnected = false, name }: Setting) {
  const said: string[] = []
  const looked: string[] = []
  const hints = createHints({
    report: (code, message) => said.push(`${code}: ${message}`),
    name: name ?? `line ${++lines}`,
    invalidates,
    socket: {},
    after(ms, run) {
      const timer = setTimeout(run, ms)
      return () => clearTimeout(timer)
    },
    isConnected: () => isConnected,
    look: async (url) => {
      looked.push(url)
      return look
    },
  })
  const rules = new Map(
    Object.entries(invalidates).map(([event, rule]) => [event, compileRule(event, rule, () => undefined)]),
  )
  const client = new QueryClient()
  const add = (queryKey: Key, meta?: Record<string, unknown>) => {
    client.setQueryData(queryKey, 1)
    if (meta)
      new QueryObserver(client, { queryKey, meta, staleTime: Infinity, queryFn: () => 1 }).subscribe(() => undefined)
  }
  for (const key of keys) add(key)
  hints.watch(rules)
  hints.mounted({ queryClient: client, identity: 'u1' })
  /** The event, so many times; the cache is looked at between two. */
  const emit = async (event: string, metadata: Metadata | ((n: number) => Metadata), times = 12) => {
    for (let n = 0; n < times; n++) {
      rules.get(event)?.resolve(typeof metadata === 'function' ? metadata(n) : metadata)
      await vi.advanceTimersByTimeAsync(1_500)
    }
  }
  return { hints, said, looked, client, add, emit, codes: () => said.map((one) => one.slice(0, one.indexOf(':'))) }
}

/** An observer makes a query active. */
const use = (client: QueryClient, queryKey: Key) =>
  new QueryObserver(client, { queryKey, queryFn: () => 1, staleTime: Infinity }).subscribe(() => undefined)

const KEYS: readonly Key[] = [['balance', '7'], ['balance', '9'], ['tx', { accountId: '7' }], ['profile']]

describe('a rule that matches nothing', () => {
  const byId = (make: (id: string) => unknown) => (m: { id: string }) => [make(m.id)]

  it.each<[what: string, rule: unknown, given: string, meant: string]>([
    ['a misspelt key', byId((id) => ['balances', id]), "['balances','7']", "['balance','7']"],
    ['other capitals', byId((id) => ['Balance', id]), "['Balance','7']", "['balance','7']"],
    [
      'an object for a value',
      byId((accountId) => ['balance', { accountId }]),
      "['balance',{'accountId':'7'}]",
      "['balance','7']",
    ],
    ['a value for an object', byId((id) => ['tx', id]), "['tx','7']", "['tx',{'accountId':'7'}]"],
    ['a misspelt list', ['profiles'], "['profiles']", "['profile']"],
    [
      'declared touches',
      { touches: ['balances'], targets: byId((id) => ['balances', id]) },
      "['balances','7']",
      "['balance','7']",
    ],
  ])('is told of, with the key that was meant: %s', async (_what, rule, given, meant) => {
    const { emit, said } = setUp({ invalidates: { changed: rule }, keys: KEYS })
    await emit('changed', { id: '7' }, 30)
    expect(said).toEqual([
      `rule-missed: the rule of 'changed' gave ${given}, which matched none of 4 queries in 10 events. Keys in the cache begin with: 'balance', 'tx', 'profile'. Did you mean ${meant}?`,
    ])
  })

  it('is told of where the key has something before it', async () => {
    const { emit, codes } = setUp({
      invalidates: { changed: byId((id) => ['balance', id]) },
      keys: [['api', 'balance', '7']],
    })
    await emit('changed', { id: '7' })
    expect(codes()).toEqual(['rule-missed'])
  })

  it.each<[what: string, rules: Record<string, unknown>, keys: readonly Key[]]>([
    ['its queries are of other things', { changed: byId((id) => ['balance', id]) }, [['balance', '9']]],
    ['its queries are not on this page', { changed: byId((id) => ['loans', id]) }, KEYS],
    ['it has matched', { changed: byId((id) => ['balance', id]) }, KEYS],
    [
      'its list is on the page, and has a rule',
      { changed: byId((id) => ['todo', id]), listed: ['todos'] },
      [['todos', { page: 7 }]],
    ],
    ['its list is on the page, without a rule', { changed: byId((id) => ['todo', id]) }, [['todos', { page: 1 }]]],
    [
      'a scope skips all',
      { changed: (m: Metadata) => [{ queryKey: ['tx'], scope: { accountId: m['id'] } }] },
      [['tx', { accountId: '8' }]],
    ],
    ['it gives nothing', { changed: () => [] }, KEYS],
    ['the cache is empty', { changed: byId((id) => ['balances', id]) }, []],
  ])('is no fault if %s', async (_what, rules, keys) => {
    const { emit, said } = setUp({ invalidates: rules, keys })
    await emit('changed', { id: '7' }, 40)
    expect(said).toEqual([])
  })

  it('is no fault on a page that shows only something like it, after one where it matched', async () => {
    const keys = [['comments', { post: 7 }]]
    const { emit, client, said } = setUp({ invalidates: { changed: byId((id) => ['comment', id]) }, keys })
    client.setQueryData(['comment', '7'], 1)
    await emit('changed', { id: '7' }, 1)
    client.removeQueries({ queryKey: ['comment'] })
    await emit('changed', { id: '7' }, 30)
    expect(said).toEqual([])
  })

  it('is no fault before there were some events', async () => {
    const { emit, said } = setUp({ invalidates: { changed: ['balances'] }, keys: KEYS })
    await emit('changed', {}, 9)
    expect(said).toEqual([])
  })
})

describe('a scope', () => {
  const rule = (scope: (m: Metadata) => object) => (m: Metadata) => [{ queryKey: ['tx'], scope: scope(m) }]

  it.each(['acountId', 'account_id', 'AccountID'])('with a field that no query names is told of: %s', async (field) => {
    const { emit, said } = setUp({ invalidates: { paid: rule((m) => ({ [field]: m['id'] })) }, keys: KEYS })
    await emit('paid', { id: '7' }, 30)
    expect(said).toEqual([
      `scope-missed: the rule of 'paid' gives a scope with the field '${field}', which no query names, so it spares no fetch. Queries name 'accountId': did you mean that?`,
    ])
  })

  it('with a field that these queries do not filter by is none', async () => {
    const scope = (m: Metadata) => ({ accountId: m['id'], type: 'card', account: 'x' })
    const { emit, said } = setUp({ invalidates: { paid: rule(scope) }, keys: KEYS })
    await emit('paid', { id: '7' }, 30)
    expect(said).toEqual([])
  })

  it('of which meta.scope names the field is none', async () => {
    const { emit, add, said } = setUp({ invalidates: { paid: rule((m) => ({ accountId: m['id'] })) } })
    add(['tx', { account_id: 1 }], { scope: { accountId: '7' } })
    await emit('paid', { id: '7' }, 30)
    expect(said).toEqual([])
  })
})

describe('a rule that reaches everything', () => {
  const kinds = ['balance', 'tx', 'profile', 'loans', 'cards', 'news']

  it('is told of', async () => {
    const { emit, said } = setUp({ invalidates: { ticked: ['api'] }, keys: kinds.map((kind) => ['api', kind, 7]) })
    await emit('ticked', {}, 20)
    expect(said).toEqual([
      "too-broad: the rule of 'ticked' gave ['api'], so each of its events refetches all 6 queries in the cache. Give a longer key, or a scope",
    ])
  })

  it('is no fault before there were some events', async () => {
    const { emit, said } = setUp({ invalidates: { ticked: ['api'] }, keys: kinds.map((kind) => ['api', kind, 7]) })
    await emit('ticked', {}, 9)
    expect(said).toEqual([])
  })

  it.each<[what: string, keys: readonly Key[], rule: unknown]>([
    ['the page shows one thing in many forms', kinds.map((_, index) => ['tx', { page: index }]), ['tx']],
    ['of things with ids', kinds.map((_, index) => ['tx', `a${index}`]), ['tx']],
    ['one of them stays', [...kinds.map((kind) => ['api', kind]), ['local']], ['api']],
    ['its events are of one thing each', kinds.map((kind) => ['api', kind]), (m: Metadata) => [['api', m['kind']]]],
  ])('is no fault if %s', async (_what, keys, rule) => {
    const { emit, said } = setUp({ invalidates: { ticked: rule }, keys })
    await emit('ticked', (n) => ({ kind: kinds[n % kinds.length] }), 30)
    expect(said).toEqual([])
  })
})

describe('metadata', () => {
  const rows = [{ id: 1, name: 'a', amount: 2, at: 3 }]
  it.each<[what: string, metadata: Metadata, words: string]>([
    ['a list of objects', { rows }, 'holds a list of objects'],
    ['much text', { text: 'x'.repeat(3_000) }, 'has 3011 characters'],
    [
      'an object with much in it',
      { account: Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`f${n}`, n])) },
      'has ',
    ],
  ])('that seems to be data is told of once: %s', async (_what, metadata, words) => {
    const { emit, said } = setUp({ invalidates: { paid: ['tx'] } })
    await emit('paid', metadata)
    expect(said).toEqual([expect.stringContaining(`data-in-metadata: the metadata of 'paid' ${words}`)])
  })

  it.each<[what: string, metadata: Metadata]>([
    ['ids', { accountId: '7', type: 'card' }],
    ['many ids', { ids: Array.from({ length: 500 }, (_, n) => `00000000-0000-${n}`) }],
    ['a list of references', { items: [{ type: 'tx', id: 1 }] }],
  ])('is none: %s', async (_what, metadata) => {
    const { emit, said } = setUp({ invalidates: { paid: ['tx'] } })
    await emit('paid', metadata)
    expect(said).toEqual([])
  })
})

describe('a live mode', () => {
  it('that is none is told of once, without any event', async () => {
    const { add, said } = setUp({})
    add(['tx', 1], { live: 'allways' })
    add(['tx', 2], { live: 'allways' })
    await vi.advanceTimersByTimeAsync(10_000)
    expect(said).toEqual([
      expect.stringContaining("bad-option: meta.live of ['tx',1] is 'allways', which counts as 'auto'"),
    ])
  })

  it.each(['auto', 'always', 'first-page', 'manual', 'off'])('may be %s', async (live) => {
    const { add, said } = setUp({})
    add(['tx', 1], { live })
    await vi.advanceTimersByTimeAsync(10_000)
    expect(said).toEqual([])
  })
})

describe('an event that nobody knows', () => {
  const invalidates = { balance_updated: ['balance'], paid: ['tx'] }

  it.each(['balanceUpdated', 'balance-updated', 'balance_update', 'balence_updated'])(
    'may be a rule’s: %s',
    (event) => {
      const { hints, said } = setUp({ invalidates })
      hints.heard('unknown-event', '', { event })
      expect(said).toEqual([
        `event-misspelt: the server sends '${event}', which no rule has, and 'balance_updated' has never come. Are they one event?`,
      ])
    },
  )

  it.each(['salary_raised', 'balance', 'pair', 'balance_deleted'])('may be another app’s: %s', (event) => {
    const { hints, said } = setUp({ invalidates })
    hints.heard('unknown-event', '', { event })
    expect(said).toEqual([])
  })

  it('is no rule’s whose own event has come', async () => {
    const { hints, emit, said } = setUp({ invalidates })
    await emit('balance_updated', {}, 1)
    hints.heard('unknown-event', '', { event: 'balanceUpdated' })
    expect(said).toEqual([])
  })
})

describe('an identity', () => {
  const invalidates = { changed: { touches: ['balance'], targets: (m: Metadata) => [['balance', m['id']]] } }
  const mountFor = (identities: readonly unknown[], key: Key = ['balance', '7']) => {
    const said: string[] = []
    const client = new QueryClient()
    const hints = createHints({
      report: (code, message) => said.push(`${code}: ${message}`),
      name: `line ${++lines}`,
      invalidates,
      socket: {},
      after: (ms, run) => {
        const timer = setTimeout(run, ms)
        return () => clearTimeout(timer)
      },
      isConnected: () => false,
      look: undefined,
    })
    client.setQueryData(key, 1)
    use(client, key)
    for (const identity of identities) hints.mounted({ queryClient: client, identity })
    return said
  }

  it('that was never given is told of while queries of rules are on the screen', async () => {
    const said = mountFor([undefined, undefined])
    await vi.advanceTimersByTimeAsync(29_000)
    expect(said).toEqual([])
    await vi.advanceTimersByTimeAsync(600_000)
    expect(said).toEqual([
      expect.stringContaining("no-identity: ['balance','7'] is on the screen, and identity is undefined"),
    ])
  })

  it.each<[what: string, identities: readonly unknown[], key?: Key]>([
    ['null', [null]],
    ['null later', [undefined, null]],
    ['given later', [undefined, 'u1']],
    ['given, then gone', ['u1', undefined]],
    ['undefined on a page that shows nothing of the rules', [undefined], ['config']],
  ])('is no fault: %s', async (_what, identities, key) => {
    const said = mountFor(identities, key)
    await vi.advanceTimersByTimeAsync(600_000)
    expect(said).toEqual([])
  })
})

describe('another QueryClient', () => {
  it('is told of if queries on the screen stay in the former one, as after a hot update', async () => {
    const { hints, client, said } = setUp({})
    use(client, ['balance', '7'])
    hints.unmounted(client)
    hints.mounted({ queryClient: new QueryClient(), identity: 'u1' })
    await vi.advanceTimersByTimeAsync(20_000)
    expect(said).toEqual([
      expect.stringContaining('client-replaced: the line was mounted with another QueryClient, and 1 queries'),
    ])
  })

  it('is told of if a hot update has made another line, too', async () => {
    const name = 'of a file that is edited'
    const { hints, client } = setUp({ name })
    use(client, ['balance', '7'])
    hints.unmounted(client)
    const { said } = setUp({ name })
    await vi.advanceTimersByTimeAsync(20_000)
    expect(said).toEqual([expect.stringContaining('client-replaced')])
  })

  it('is no fault if another line is mounted with it, of the same name or another one', async () => {
    const { client, said } = setUp({ name: 'of two parts of a page' })
    use(client, ['balance', '7'])
    for (const name of ['of two parts of a page', 'other']) {
      const { said: alsoSaid } = setUp({ name })
      await vi.advanceTimersByTimeAsync(20_000)
      expect([said, alsoSaid]).toEqual([[], []])
    }
  })

  it('is no fault if its queries leave the screen, or the former client is back', async () => {
    const { hints, client, said } = setUp({})
    const leave = use(client, ['balance', '7'])
    const other = new QueryClient()
    hints.unmounted(client)
    hints.mounted({ queryClient: other, identity: 'u2' })
    leave()
    await vi.advanceTimersByTimeAsync(20_000)
    use(client, ['balance', '7'])
    hints.unmounted(other)
    hints.mounted({ queryClient: other, identity: 'u1' })
    hints.unmounted(other)
    hints.mounted({ queryClient: client, identity: 'u1' })
    await vi.advanceTimersByTimeAsync(20_000)
    expect(said).toEqual([])
  })
})

describe('a connection that fails', () => {
  const FAILED = "can't connect to https://api.example.com/admin: websocket error"

  it('although the server answers over HTTP is told of', async () => {
    const { hints, looked, said } = setUp({})
    hints.heard('connect-failed', FAILED)
    await vi.advanceTimersByTimeAsync(40_000)
    expect(looked).toEqual(['https://api.example.com/socket.io/?EIO=4&transport=polling'])
    expect(said).toEqual([
      expect.stringContaining('websocket-refused: https://api.example.com/admin answers over HTTP'),
    ])
    expect(said[0]).toContain("transports: ['websocket', 'polling'], tryAllTransports: true")
  })

  it.each<[what: string, setting: Setting, message: string]>([
    ['the server is down', { look: 'unreachable' }, FAILED],
    ['no Socket.IO is there', { look: 'gone' }, FAILED],
    ['it is up again', { isConnected: true }, FAILED],
    ['by another reason', {}, "can't connect to https://api.example.com: the server did not answer"],
    ['of plain WebSocket', {}, "can't connect to wss://api.example.com: websocket error"],
  ])('is all that is told if %s', async (_what, setting, message) => {
    const { hints, said } = setUp(setting)
    hints.heard('connect-failed', message)
    await vi.advanceTimersByTimeAsync(40_000)
    expect(said).toEqual([])
  })
})

describe('a worker that can not start', () => {
  const reasonOf = (script: string) => `the worker's script ${script} could not be loaded or started`

  it('because Vite has moved the modules and not the worker is told of', () => {
    const { hints, said } = setUp({})
    const reason = reasonOf('/node_modules/.vite/worker.js?worker_file&type=module')
    hints.heard('host-failed', '', { host: 'shared-worker', reason })
    expect(said).toEqual([expect.stringContaining("worker-left-out: Vite has moved Partyline's modules")])
    expect(said[0]).toContain("exclude: ['partyline']")
  })

  it.each([
    ['with Vite 8', reasonOf('/node_modules/partyline/dist/worker.js?worker_file&type=module')],
    ['without a bundler', reasonOf('../worker.js')],
    ['that does not answer', 'the hub did not answer for 7500 ms'],
  ])('has other reasons: %s', (_what, reason) => {
    const { hints, said } = setUp({})
    hints.heard('host-failed', '', { host: 'shared-worker', reason })
    expect(said).toEqual([])
  })
})

describe('a healthy app', () => {
  const invalidates = {
    profile_updated: ['profile'],
    loan_status_changed: ['loans', 'loan-summary'],
    balance_updated: { touches: ['balance'], targets: (m: { accountId: string }) => [['balance', m.accountId]] },
    transaction_happened: {
      touches: ['transactions', 'balance'],
      targets: (m: { accountId: string; txType?: string }) => [
        { queryKey: ['transactions'], scope: { accountId: m.accountId, type: m.txType } },
        ['balance', m.accountId],
      ],
    },
  }
  const pages: Record<string, readonly Key[]> = {
    home: [['accounts'], ['balance', '1'], ['balance', '2'], ['profile']],
    account: [['balance', '1'], ['transactions', { accountId: '1', type: 'card' }], ['profile']],
    'all transactions': [
      ['transactions', { accountId: 'all' }],
      ['transactions', { page: 2 }],
    ],
    loans: [['loans'], ['loan-summary'], ['loan', 7]],
    settings: [['settings']],
    nothing: [],
  }

  it.each(Object.entries(pages))('hears no hint, whatever is on the screen: %s', async (_page, keys) => {
    const { hints, emit, said } = setUp({ invalidates, keys })
    hints.heard('unknown-event', '', { event: 'card_blocked' })
    for (const accountId of ['1', '2', '3', 4]) {
      await emit('balance_updated', { accountId })
      for (const txType of ['card', 'salary', undefined]) await emit('transaction_happened', { accountId, txType })
    }
    await emit('loan_status_changed', { loanId: 7, status: 'approved' })
    await emit('profile_updated', {})
    await vi.advanceTimersByTimeAsync(600_000)
    expect(said).toEqual([])
  })
})
