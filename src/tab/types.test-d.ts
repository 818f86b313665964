/** What the compiler has to know. Checked by `tsc -p .`, never run. */
import { QueryClient, queryOptions } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { ManagerOptions, SocketOptions } from 'socket.io-client'
import { expectTypeOf } from 'vitest'
import { z } from 'zod'
import {
  type CheckedRules,
  createPartyline,
  type EventsOf,
  type Explanation,
  type Inspection,
  type Line,
  type Metadata,
  type MetadataOf,
  message,
  type PartylineErrorCode,
  type QueryClientSlice,
  type Receipt,
  type ServerEvent,
  type SocketSettings,
  type Status,
  type Targets,
  type TopicState,
} from '../index.js'
import { PartylineProvider, usePartyline, usePartylineStatus, useServerEvent, useTopic } from '../react/index.js'

const paid = z.object({ accountId: z.string(), amount: z.coerce.number(), note: z.string().optional() })

const line = createPartyline({
  url: 'https://api.example.com',
  invalidates: {
    profile_updated: 'profile',
    loan_status_changed: ['loans', ['loan-summary', { open: true }], { queryKey: ['tx'], scope: { type: 'loan' } }],
    balance_updated: { touches: ['balance'], targets: (m: { accountId: string }) => [['balance', m.accountId]] },
    transaction_happened: {
      touches: ['transactions', 'balance'],
      targets: (m: { accountId: string; txType?: string }) => [
        { queryKey: ['transactions'], scope: { accountId: m.accountId, type: m.txType } },
        ['balance', m.accountId],
      ],
    },
    tick: () => ['clock'],
    // The schema says what `m` is.
    paid: {
      touches: ['balance'],
      schema: paid,
      targets: (m) => {
        expectTypeOf(m).toEqualTypeOf<{ accountId: string; amount: number; note?: string | undefined }>()
        return [['balance', m.accountId]]
      },
    },
  },
})

// Metadata is inferred from the rules' own functions and schemas; a static rule says nothing of it.
line.on('balance_updated', (m) => expectTypeOf(m).toEqualTypeOf<{ accountId: string }>())
line.on('transaction_happened', (m) => expectTypeOf(m).toEqualTypeOf<{ accountId: string; txType?: string }>())
line.on('paid', (m) => expectTypeOf(m).toEqualTypeOf<z.output<typeof paid>>())
line.on('profile_updated', (m) => expectTypeOf(m).toEqualTypeOf<Metadata>())
line.on('tick', (m) => expectTypeOf(m).toEqualTypeOf<Metadata>())
line.on('loan_status_changed', (m) => expectTypeOf(m['anything']).toBeUnknown())
expectTypeOf(line.on('paid', () => undefined)).toEqualTypeOf<() => void>()
line.on('balance_updated', (m) => expectTypeOf(m).toEqualTypeOf<{ accountId: string }>(), { in: 'one-tab' })
line.on('*', () => undefined, { in: 'visible' })
// @ts-expect-error There is no such place.
line.on('paid', () => undefined, { in: 'this-tab' })
expectTypeOf<MetadataOf<{ id: string }>>().toEqualTypeOf<{ id: string }>()
expectTypeOf<MetadataOf<unknown>>().toEqualTypeOf<Metadata>()
expectTypeOf<Parameters<typeof line.on>[0]>().toEqualTypeOf<
  'profile_updated' | 'loan_status_changed' | 'balance_updated' | 'transaction_happened' | 'tick' | 'paid'
>()

// Payloads that are no object.
const bare = createPartyline({
  envelope: { on: 'data', event: 'type', metadata: 'payload' },
  invalidates: {
    renamed: { touches: ['user'], targets: ({ value }: { value: string }) => [['user', value]] },
    moved: { touches: ['user'], targets: ({ args: [id] }: { args: [id: string, x: number] }) => [['user', id]] },
  },
})
bare.on('renamed', ({ value }) => expectTypeOf(value).toBeString())
bare.on('moved', ({ args: [, x] }) => expectTypeOf(x).toBeNumber())
// @ts-expect-error where the event's name is has to be said
createPartyline({ envelope: { on: 'data' }, invalidates: {} })
// @ts-expect-error no such field
createPartyline({ envelope: { event: 'type', payload: 'payload' }, invalidates: {} })

// Every event, whatever its name.
line.on('*', (event) => expectTypeOf(event).toEqualTypeOf<ServerEvent>())
expectTypeOf(line.on('*', () => undefined)).toEqualTypeOf<() => void>()
// @ts-expect-error it is no rule's metadata
line.on('*', (m: { accountId: string }) => m)
line.onError((error) => expectTypeOf(error.code).toEqualTypeOf<PartylineErrorCode>())
line.onRecord((record) => {
  if (record.from === 'hub') expectTypeOf(record.step).toBeString()
  else if (record.kind === 'fetch') expectTypeOf(record.outcome).toEqualTypeOf<'succeeded' | 'failed' | 'cancelled'>()
  else if (record.kind === 'receipt') expectTypeOf(record.receipt).toEqualTypeOf<Receipt>()
})
expectTypeOf(line.inspect()).resolves.toEqualTypeOf<Inspection>()
expectTypeOf(line.explain('paid', { accountId: '7' })).resolves.toEqualTypeOf<readonly Explanation[]>()
// @ts-expect-error no such event
void line.explain('pay', {})
void line.simulate({ name: 'event', event: 'paid', metadata: { accountId: '7' }, count: 3 })
void line.emitLocal('balance_updated', { accountId: '7' })
void line.emitLocal('profile_updated')
// @ts-expect-error no such event
void line.emitLocal('balance_update', { accountId: '7' })
// @ts-expect-error no such field
void line.emitLocal('balance_updated', { acountId: '7' })
// @ts-expect-error its metadata has a field that is required
void line.emitLocal('balance_updated')
// @ts-expect-error no such simulation
void line.simulate({ name: 'explode' })

// @ts-expect-error no such event
line.on('balance_update', () => undefined)
// @ts-expect-error no such field
line.on('balance_updated', (m) => m.acountId)
// @ts-expect-error not of this type
line.on('paid', (m) => m.amount.length)
// @ts-expect-error another type than the rule says
line.on('balance_updated', (m: { accountId: number }) => m)

// In components it is the same.
const Component = (): ReactNode => {
  useServerEvent(line, 'balance_updated', (m) => expectTypeOf(m).toEqualTypeOf<{ accountId: string }>())
  useServerEvent(line, 'paid', (m) => expectTypeOf(m.amount).toBeNumber())
  useServerEvent(line, 'profile_updated', (m) => expectTypeOf(m).toEqualTypeOf<Metadata>())
  // @ts-expect-error no such event
  useServerEvent(line, 'balance_update', () => undefined)
  // @ts-expect-error no such field
  useServerEvent(line, 'balance_updated', (m) => m.acountId)

  usePartyline(line, { identity: 'u1' })
  usePartyline(line, { identity: null, auth: async () => ({ token: 'x' }) })
  // @ts-expect-error who is signed in has to be said, if only `undefined`
  usePartyline(line, {})
  // @ts-expect-error credentials are an object
  usePartyline(line, { identity: 'u1', auth: () => 'token' })
  // @ts-expect-error in a promise too
  usePartyline(line, { identity: 'u1', auth: async () => 'token' })
  // @ts-expect-error a function gives them
  usePartyline(line, { identity: 'u1', auth: { token: 'x' } })
  usePartyline(line, { identity: 'u1', auth: async () => ({}) as Record<string, string> })

  expectTypeOf(usePartylineStatus()).toEqualTypeOf<Status>()
  expectTypeOf(usePartylineStatus(line)).toEqualTypeOf<Status>()
  return PartylineProvider({ line, identity: 7, auth: () => null, children: 'app' })
}
expectTypeOf(Component).returns.toEqualTypeOf<ReactNode>()

// A target is a string, a query key or an object with a key; an array of targets is a list, never a key.
expectTypeOf<string>().toExtend<Targets>()
expectTypeOf<readonly ['loans', 'summary']>().toExtend<Targets>()
expectTypeOf<[['balance', string], 'loans', { queryKey: ['tx'] }]>().toExtend<Targets>()
expectTypeOf<{ queryKey: ['tx']; scope: { id: number } }>().toExtend<Targets>()
expectTypeOf<[['tx', { page: number }, 7, null, undefined]]>().toExtend<Targets>()
expectTypeOf<never[]>().toExtend<Targets>()
expectTypeOf<number>().not.toExtend<Targets>()
expectTypeOf<undefined>().not.toExtend<Targets>()
expectTypeOf<[number]>().not.toExtend<Targets>()
expectTypeOf<['balance', number]>().not.toExtend<Targets>()
expectTypeOf<{ scope: { id: number } }>().not.toExtend<Targets>()
expectTypeOf<{ queryKey: string }>().not.toExtend<Targets>()
expectTypeOf<Promise<string[]>>().not.toExtend<Targets>()

// Whatever is right: key factories, options of queries, interfaces, optional ids, branches.
interface Paid {
  accountId: string
  txType?: string
}
const keys = {
  all: ['todos'] as const,
  lists: () => [...keys.all, 'list'] as const,
  list: (filter: { of: string }) => [...keys.lists(), filter] as const,
}
const wideKeys = { all: ['todos'], list: (id: string) => ['todos', id] }
const account = (id: string) => queryOptions({ queryKey: ['account', id], queryFn: async () => ({ id }) })
const twoOf = (m: { id: string }): Targets => [['balance', m.id], 'loans']
createPartyline({
  invalidates: {
    factories: {
      touches: [keys.all],
      targets: (m: { of: string }) => [keys.all, keys.lists(), keys.list({ of: m.of })],
    },
    wideFactories: { touches: [wideKeys.all], targets: (m: { id: string }) => [wideKeys.list(m.id)] },
    queryOptions: { touches: ['account'], targets: (m: { id: string }) => [account(m.id), account(m.id).queryKey] },
    deep: { touches: [['a', 'b'], 'c'], targets: (m: { id: number }) => [['a', 'b', m.id], ['c']] },
    nested: { touches: [[['tx']]], targets: (m: { id: string }) => [[['tx', 'list'], { input: { id: m.id } }]] },
    numbers: { touches: [['tx', 7]], targets: () => [['tx', '7']] },
    branches: { touches: ['cards', 'tx'], targets: (m: Paid) => (m.txType ? [['cards', m.txType]] : ['tx']) },
    heads: { touches: ['cards', 'tx'], targets: (m: Paid) => [[m.txType ? 'cards' : 'tx', m.accountId]] },
    declaredElsewhere: { touches: ['balance', 'loans'], targets: twoOf },
    interfaces: (m: Paid) => [{ queryKey: ['tx'], scope: m }],
    optional: (m: { id?: string }) => [['tx', m.id], { queryKey: ['tx', m.id, 'rows'], scope: { id: m.id } }],
    unknownParts: (m: { at: unknown }) => [['x', m.at]],
    mapped: (m: { ids: string[] }) => m.ids.map((id) => ['balance', id]),
    nothing: () => [],
    aList: { touches: ['loans'], targets: ['loans', ['loans', 'open']] },
    aListChecked: { schema: paid, targets: ['loans'] },
  },
})

/** Every rule here is wrong in one way; below is what the compiler says of it. */
const id = { id: '7' }
type Said<Rule> = CheckedRules<{ rule: Rule }>['rule']
const said = <const Rule>(_rule: Rule) => undefined as unknown as Said<Rule>
expectTypeOf(
  said({ touches: ['balance'], targets: () => [['balances', id.id]] as [['balances', string]] }),
).toEqualTypeOf<{
  readonly targets: "['balances', …] is outside of touches. Add its beginning to touches, or correct the target."
}>()
expectTypeOf(said({ touches: [['a', 'b']], targets: ['a'] })).toEqualTypeOf<{
  readonly targets: "['a'] is outside of touches. Add its beginning to touches, or correct the target."
}>()
expectTypeOf(
  said(() => ['balance', id.id] as ['balance', string]),
).toEqualTypeOf<"An array is a list of targets. A single key is written [['balance', …]].">()
expectTypeOf(
  said(['balance', 7]),
).toEqualTypeOf<"An array is a list of targets. A single key is written [['balance', …]].">()
expectTypeOf(
  said(() => [{ queryKey: ['tx'], scop: id }]),
).toEqualTypeOf<"A target has no field 'scop', only queryKey and scope.">()
expectTypeOf(said(async () => ['tx'])).toEqualTypeOf<'A rule gives its targets at once, not a promise.'>()
expectTypeOf(said(() => [undefined])).toEqualTypeOf<'A target is a string, a query key or { queryKey, scope }.'>()

createPartyline({
  invalidates: {
    // @ts-expect-error a number is no target
    a: 7,
    // @ts-expect-error a single key is written [['balance', 7]]
    b: ['balance', 7],
    // @ts-expect-error a rule gives targets
    c: (m: { id: string }) => ({ id: m.id }),
    // @ts-expect-error and it gives them at once
    d: async (m: { id: string }) => [['balance', m.id]],
    // @ts-expect-error a key is an array
    e: { queryKey: 'tx' },
    // @ts-expect-error the schema gives an account, not an id
    f: { schema: paid, targets: (m: { id: string }) => [['balance', m.id]] },
    // @ts-expect-error a schema needs its targets
    g: { schema: paid },
    // @ts-expect-error a schema needs its targets
    h: paid,
  },
})
createPartyline({
  invalidates: {
    // @ts-expect-error outside of its touches
    a: { touches: ['balance'], targets: (m: { id: string }) => [['balances', m.id]] },
    // @ts-expect-error one of two is outside
    b: { touches: ['balance'], targets: (m: { id: string }) => [['balance', m.id], ['loans']] },
    // @ts-expect-error outside in its second part
    c: { touches: [['a', 'b']], targets: (m: { id: string }) => [['a', 'c', m.id]] },
    // @ts-expect-error wider than its touches
    d: { touches: [['a', 'b']], targets: () => [['a']] },
    // @ts-expect-error a list is held to its touches too
    e: { touches: ['balance'], targets: ['loans'] },
    // @ts-expect-error outside, though with a scope
    f: { touches: ['balance'], targets: (m: Paid) => [{ queryKey: ['tx'], scope: m }] },
    // @ts-expect-error the list of a key factory, not the key
    g: { touches: [keys.all], targets: () => keys.lists() },
    // @ts-expect-error a single key is written [['balance', m.id]]
    h: (m: { id: string }) => ['balance', m.id],
    // @ts-expect-error a single key is written [['balance', m.id]]
    i: (m: { id: number }) => ['balance', m.id],
    // @ts-expect-error a single key is written [['balance', m.id]]
    j: { touches: ['balance'], targets: (m: { id: string }) => ['balance', m.id] },
    // @ts-expect-error no such field of a target
    k: (m: Paid) => [{ queryKey: ['tx'], scop: m }],
    // @ts-expect-error no such field of a target
    l: { touches: ['tx'], targets: (m: Paid) => [{ queryKey: ['tx'], scope: m, exact: true }] },
    // @ts-expect-error no such field of a target
    m: () => ({ queryKey: ['tx'], refetchType: 'all' }),
    // @ts-expect-error an empty key would match everything
    n: () => [[]],
    // @ts-expect-error undefined is no target
    o: (m: { id?: string }) => [m.id && ['one', m.id]],
  },
})
// @ts-expect-error no such field of a target
createPartyline({ invalidates: { a: [{ queryKey: ['tx'], exact: true }] } })
// @ts-expect-error touches is a list
createPartyline({ invalidates: { a: { touches: 'tx', targets: () => ['tx'] } } })
// @ts-expect-error no such field of a rule
createPartyline({ invalidates: { a: { touchs: ['tx'], targets: () => ['tx'] } } })
createPartyline({
  invalidates: {
    // @ts-expect-error no such field
    a: (m: { id: string }) => [['balance', m.accountId]],
    // @ts-expect-error no such field
    b: { schema: paid, targets: (m) => [['balance', m.id]] },
    // @ts-expect-error nothing says what `m` is
    c: (m) => [['balance', m.id]],
    // @ts-expect-error nothing says what `m` is
    d: { touches: ['balance'], targets: (m) => [['balance', m.id]] },
  },
})
// Beside a schema that gives its type, the others are held to their touches as well.
createPartyline({
  invalidates: {
    checked: { touches: ['balance'], schema: paid, targets: (m) => [['balance', m.accountId]] },
    // @ts-expect-error outside of its touches
    a: { touches: ['balance'], schema: paid, targets: (m) => [['loans', m.accountId]] },
    // @ts-expect-error outside of its touches
    b: { touches: ['balance'], targets: (m: { id: string }) => [['loans', m.id]] },
  },
})

// Events may be said beforehand, and are then held to.
interface Events {
  balance_updated: { accountId: string }
  profile_updated: unknown
}
const typed = createPartyline<Events>({
  invalidates: { balance_updated: (m) => [['balance', m.accountId]], profile_updated: 'profile' },
})
expectTypeOf(typed).toEqualTypeOf<Line<Events>>()
// @ts-expect-error every event has to have its rule
createPartyline<Events>({ invalidates: { profile_updated: 'profile' } })

// Options.
createPartyline({ invalidates: {}, url: async () => 'https://api.example.com', debounce: { waitMs: 50 }, lingerMs: 0 })
createPartyline({ invalidates: {}, onError: (error) => expectTypeOf(error.code).toEqualTypeOf<PartylineErrorCode>() })
createPartyline({ invalidates: {}, socket: { path: '/live', transports: ['websocket'] } })
// @ts-expect-error no such option
createPartyline({ invalidates: {}, debonce: { waitMs: 50 } })
// @ts-expect-error a duration carries its unit
createPartyline({ invalidates: {}, linger: 0 })
// @ts-expect-error the server says how long an event's fetches are spread, not the client
createPartyline({ invalidates: {}, spread: {} })
// @ts-expect-error no such host
createPartyline({ invalidates: {}, host: 'worker' })
// @ts-expect-error a line without rules is none
createPartyline({ url: '/' })

// A real QueryClient will do, and whatever has its slice.
const queryClient = new QueryClient()
expectTypeOf(queryClient).toExtend<QueryClientSlice>()
expectTypeOf(line.mount({ queryClient, identity: 'u1' })).toEqualTypeOf<() => void>()
line.mount({ queryClient, identity: 7, auth: () => ({ token: 'x' }) })
line.mount({ queryClient, identity: undefined, auth: undefined })
declare const slice: QueryClientSlice
line.mount({ queryClient: slice, identity: 'u1' })
// @ts-expect-error no QueryClient
line.mount({ queryClient: {}, identity: 'u1' })
// @ts-expect-error somebody has to be named, or nobody
line.mount({ queryClient })
// @ts-expect-error an object is no identity
line.mount({ queryClient, identity: { id: 'u1' } })

// What can be asked.
line.onReceipt((receipt) => expectTypeOf(receipt).toEqualTypeOf<Receipt>())
expectTypeOf(line.origin).toBeString()
// @ts-expect-error what a line says of itself is not for the app to change
line.origin = 'me'
if (line.status.name === 'disconnected') expectTypeOf(line.status.reason).toEqualTypeOf<string>()
else expectTypeOf(line.status.reason).toEqualTypeOf<string | undefined>()

// Topics.
expectTypeOf(line.topic('project:42')).toEqualTypeOf<() => void>()
line.topic('project:42', {
  queryKeys: [['project', 42]],
  onState(state) {
    if (state.name === 'refused' || state.name === 'failed') expectTypeOf(state.reason).toBeString()
    else expectTypeOf(state.reason).toEqualTypeOf<undefined>()
  },
})
export function Project(): null {
  expectTypeOf(useTopic(line, 'project:42', { queryKeys: [['project', 42]] })).toEqualTypeOf<TopicState>()
  useTopic(line, null)
  useTopic(line, undefined, {})
  // @ts-expect-error the state is what the hook gives
  useTopic(line, 'project:42', { onState: () => undefined })
  return null
}
// @ts-expect-error a topic is a string
line.topic(42)
// @ts-expect-error a list of keys, not one
line.topic('project:42', { queryKeys: ['project'] })
// @ts-expect-error no such option
line.topic('project:42', { keys: [] })

// An editor completes what `socket` takes: options of socket.io-client by its own names and types, and two for plain WebSocket.
type Completed = keyof { [Option in keyof SocketSettings as string extends Option ? never : Option]: unknown }
type OfSocketIo = Partial<ManagerOptions & SocketOptions>
expectTypeOf<Exclude<Completed, keyof OfSocketIo>>().toEqualTypeOf<'limit' | 'pingAfterMs'>()
expectTypeOf<
  Pick<SocketSettings, Exclude<Completed, 'limit' | 'pingAfterMs' | 'transports' | 'auth'>>
>().toExtend<OfSocketIo>()
createPartyline({ invalidates: {}, socket: { path: '/ws', transports: ['polling'], extraHeaders: { a: 'b' } } })
// @ts-expect-error no such transport
createPartyline({ invalidates: {}, socket: { transports: ['http'] } })
// @ts-expect-error credentials do not belong there
createPartyline({ invalidates: {}, socket: { auth: { token: 'x' } } })

// What is sent: the option `sends` says its data, and what the server acknowledges it with.
const say = z.object({ text: z.string(), room: z.string().default('lobby') })
const sending = createPartyline({
  invalidates: { paid: 'balance' },
  sends: {
    'chat:say': message<{ text: string }, { id: string }>(),
    'chat:leave': message<void>(),
    'chat:checked': message(say),
    typing: message<{ room?: string }>(),
  },
})
expectTypeOf(sending.send('chat:say', { text: 'hi' })).resolves.toEqualTypeOf<{ id: string }>()
expectTypeOf(sending.send('chat:say', { text: 'hi' }, { timeoutMs: 500 })).resolves.toEqualTypeOf<{ id: string }>()
expectTypeOf(sending.send('chat:say', { text: 'hi' }, { volatile: true })).resolves.toEqualTypeOf<undefined>()
expectTypeOf(sending.send('chat:leave')).resolves.toEqualTypeOf<unknown>()
void sending.send('chat:checked', { text: 'hi' })
void sending.send('typing')
void sending.send('typing', { room: 'a' }, { volatile: true })
// @ts-expect-error it has data
void sending.send('chat:say')
// @ts-expect-error another type
void sending.send('chat:say', { text: 7 })
// @ts-expect-error no such event
void sending.send('chat:sing', { text: 'hi' })
// @ts-expect-error not what the schema takes
void sending.send('chat:checked', { text: 7 })
// @ts-expect-error no such option
void sending.send('chat:say', { text: 'hi' }, { timeout: 500 })
// @ts-expect-error not made by `message`
createPartyline({ invalidates: {}, sends: { 'chat:say': 7 } })
expectTypeOf<EventsOf<typeof sending>>().toEqualTypeOf<EventsOf<typeof withoutSends>>()
sending.on('paid', (m) => expectTypeOf(m).toEqualTypeOf<Metadata>())

// Without it: any event, with any data.
const withoutSends = createPartyline({ invalidates: { paid: 'balance' } })
expectTypeOf(withoutSends.send('anything', [1, 'two'])).resolves.toBeUnknown()
void withoutSends.send('anything')

// Components take either.
const Chat = (): ReactNode => {
  usePartyline(sending, { identity: 'u1' })
  useServerEvent(sending, 'paid', (m) => expectTypeOf(m).toEqualTypeOf<Metadata>())
  return PartylineProvider({ line: sending, identity: 7, children: 'chat' })
}
void Chat
