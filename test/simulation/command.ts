import * as fc from 'fast-check'
import type { ChannelTrouble, LockTrouble } from '../../src/testing/refusing-powers.js'
import type { FailedImports } from '../../src/testing/simulated-chunks.js'
import type { QuietOption } from '../../src/testing/simulated-quiet.js'
import { FEATURES } from './faults.js'

/** A step of a history. `tab` is taken modulo the number of open tabs, so that histories shrink well. */
export type Command =
  | {
      readonly do: 'open'
      readonly who: number
      readonly trouble: number
      readonly queries: readonly number[]
      /** Which app: the second one only if the setting has two. */
      readonly app: number
    }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'write'; readonly who: number; readonly row: number }
  | { readonly do: 'burst'; readonly who: number; readonly count: number; readonly gap: number }
  | { readonly do: 'mutate'; readonly tab: number; readonly row: number; readonly optimistic: boolean }
  | { readonly do: 'use' | 'drop'; readonly tab: number; readonly query: number }
  | { readonly do: TabAct; readonly tab: number }
  | { readonly do: 'switch'; readonly tab: number; readonly who: number }
  | { readonly do: 'hang'; readonly tab: number; readonly ms: number }
  | { readonly do: 'hang-hub'; readonly who: number; readonly ms: number }
  | { readonly do: 'kill-workers' | 'deploy' | 'half-open' | 'refuse' | 'serve' }
  | { readonly do: 'network'; readonly state: 'up' | 'cut' | 'stalled' | 'hole' }
  | { readonly do: 'restart'; readonly ms: number }
  | { readonly do: 'expire'; readonly who: number; readonly kick: boolean }
  /** A tab goes away and comes back. Meanwhile rows are written, perhaps during an outage of all tabs. */
  | {
      readonly do: 'nap'
      readonly tab: number
      readonly how: 'park' | 'freeze'
      readonly rows: readonly number[]
      /** Whether the workers die meanwhile. */
      readonly replaced: boolean
      readonly outage: 'none' | 'restart' | 'cut' | 'half-open'
      /** Whether it comes back before the end of the outage. */
      readonly early: boolean
      readonly ms: number
    }
  /** The network or the server is away for a while, and rows are written. */
  | {
      readonly do: 'outage'
      readonly how: 'restart' | 'cut' | 'stalled' | 'hole'
      readonly rows: readonly number[]
      readonly ms: number
    }
  | { readonly do: 'sleep'; readonly ms: number; readonly writes: number }
  | Fault

/** Faults of credentials, server, clocks, files and other scripts, and what apps do beside rows and lists. */
export type Fault =
  /** What a tab's `auth` does from now on. */
  | { readonly do: 'auth-trouble'; readonly tab: number; readonly how: AuthTrouble | 'none' }
  /** The user signs in again in one tab: it has the valid token, and the others are not told. */
  | { readonly do: 'refresh'; readonly tab: number }
  /** The session store is down: everybody is denied, with valid credentials too. */
  | {
      readonly do: 'store-down'
      readonly how: 'refused' | 'unavailable' | 'final'
      readonly ms: number
      readonly kick: boolean
      /** Whether nothing else happens meanwhile. */
      readonly waits: boolean
    }
  /** The server drops each connection after `after` milliseconds, for `ms` in all. */
  | { readonly do: 'flap'; readonly after: number; readonly ms: number }
  | { readonly do: 'online-storm'; readonly count: number; readonly gap: number }
  /** The wall clock is set forth, or back if negative. */
  | { readonly do: 'clock'; readonly by: number }
  /** The app's files are missing: for a while, or for all pages of the present build. */
  | { readonly do: 'chunks'; readonly ms: number; readonly forGood: boolean }
  /** Another script of the origin posts on the library's channels. */
  | { readonly do: 'foreign'; readonly what: number; readonly seed: number }
  /** A tab sends something; perhaps its user then signs out, or its app unmounts, in the same tick, and it sends once more. */
  | {
      readonly do: 'send'
      readonly tab: number
      readonly count: number
      readonly ms: number
      readonly next: 'nothing' | 'sign-out' | 'leave'
    }
  | { readonly do: 'topic'; readonly tab: number; readonly room: number; readonly joins: boolean }
  /** A tab writes to a room; perhaps another member then writes in that request's name. */
  | { readonly do: 'room-write'; readonly tab: number; readonly room: number }
  | { readonly do: 'forge'; readonly tab: number; readonly room: number; readonly after: number }
  | { readonly do: 'spread'; readonly who: number; readonly row: number; readonly ms: number }
  | { readonly do: 'announce'; readonly what: 'gap' | 'move'; readonly ms: number }
  /** An event that names no row. */
  | { readonly do: 'write-any'; readonly who: number; readonly row: number }
  /** A row is written, and what arrives in place of its event can't be read. */
  | { readonly do: 'garble'; readonly who: number; readonly row: number; readonly what: number }
  /** What the apps' `url` functions do from now on. */
  | { readonly do: 'url-trouble'; readonly how: UrlTrouble | 'none' }
  /** A sign-out in one tab as the hub dies, `after` milliseconds later or, if negative, earlier. */
  | { readonly do: 'sign-out-crash'; readonly tab: number; readonly after: number }
  /** All other tabs are frozen, one signs out, the hub dies, and the tabs wake. */
  | { readonly do: 'frozen-sign-out'; readonly tab: number; readonly crash: boolean; readonly ms: number }
  /** Sign-out and sign-in of the same user in one tick. */
  | { readonly do: 'sign-out-in'; readonly tab: number }
  /** The app unmounts and mounts again, for the same user. */
  | { readonly do: 'remount'; readonly tab: number; readonly ms: number }

/** `late`: it answers when nobody waits for it any more. */
export type UrlTrouble = 'throws' | 'hangs' | 'late' | 'junk'

export type AuthTrouble = 'throws' | 'hangs' | 'other-user' | 'junk'

type TabAct =
  | 'close'
  | 'crash'
  | 'hide'
  | 'show'
  | 'freeze'
  | 'resume'
  | 'park'
  | 'back'
  | 'reload'
  | 'sign-out'
  | 'sign-in'

/** The features of a history's browser and server, and the seed of all that the history leaves open. */
export interface Setting {
  readonly seed: number
  readonly webLocks: boolean
  readonly channel: boolean
  readonly sharedWorker: boolean
  readonly extendedLifetime: boolean
  readonly restarts: boolean
  readonly recovery: boolean
  readonly renewal: boolean
  /** The server keeps its events, and replays them. */
  readonly log: boolean
  /** What the server says of how long it has sent nothing. */
  readonly quiet: QuietOption
  readonly delay: number
  readonly linger: number
  /** Tabs that are visible at once share fetches. */
  readonly shareFetches: boolean
  /** The server takes the browser for whoever signed in last. */
  readonly cookie: boolean
  /** Each tab keeps the token of its own sign-in. */
  readonly ownTokens: boolean
  /** How long the server takes to let somebody in, in milliseconds. */
  readonly admissionMs: number
  /** How long credentials are valid, in milliseconds; 0: for ever. */
  readonly tokenLifeMs: number
  readonly lockTrouble: LockTrouble | 'none'
  readonly channelTrouble: ChannelTrouble | 'none'
  readonly ownWrites: boolean
  readonly polling: boolean
  /** What the browser does with imports that fail. */
  readonly failedImports: FailedImports
  readonly clearOnSwitch: boolean
  /** A rule leads out of what it declares. */
  readonly brokenTouches: boolean
  readonly host: 'auto' | 'leader-tab' | 'this-tab'
  /** Whether there are two apps on the origin, and by what they differ. `hosts`: by their server's address. */
  readonly apps: 'one' | 'names' | 'paths' | 'hosts'
  readonly transport: 'socket.io' | 'websocket'
  /** The app's `url` is a function, which asks a server. */
  readonly urlFunction: boolean
}

export interface History {
  readonly setting: Setting
  readonly commands: readonly Command[]
}

const tab = fc.nat(7)
/** Mostly the same user. */
const who = fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(1) })
const row = fc.nat(3)
const rows = fc.array(fc.nat(1), { maxLength: 2 })
const query = fc.nat(4)
/** Many short spans, some long ones. */
const ms = fc.oneof(
  { weight: 4, arbitrary: fc.nat(100) },
  { weight: 3, arbitrary: fc.nat(3_000) },
  { weight: 2, arbitrary: fc.nat(20_000) },
  { weight: 1, arbitrary: fc.nat(200_000) },
)
const act = (weight: number, ...names: TabAct[]) =>
  names.map((name) => ({ weight, arbitrary: fc.record({ do: fc.constant(name), tab }) as fc.Arbitrary<Command> }))
const weigh = (weight: number, arbitrary: fc.Arbitrary<Command>) => ({ weight, arbitrary })
const is = <const Name extends string>(name: Name) => fc.constant(name)

const open: fc.Arbitrary<Command> = fc.record({
  do: is('open'),
  who,
  trouble: fc.nat(12).map((number) => 12 - number),
  queries: fc.uniqueArray(query, { maxLength: 3 }),
  app: fc.nat(3).map((number) => (number === 3 ? 1 : 0)),
})
/** Mostly seconds, sometimes minutes. */
const outageMs = fc.oneof(
  { weight: 3, arbitrary: fc.nat(10_000) },
  { weight: 1, arbitrary: fc.integer({ min: 60_000, max: 400_000 }) },
)
const room = fc.nat(1)
const faults = [
  weigh(
    4,
    fc.record({
      do: is('auth-trouble'),
      tab,
      how: fc.constantFrom('none', 'throws', 'throws', 'hangs', 'other-user', 'junk'),
    }),
  ),
  weigh(2, fc.record({ do: is('refresh'), tab })),
  weigh(
    3,
    fc.record({
      do: is('store-down'),
      how: fc.constantFrom('refused', 'refused', 'unavailable', 'final'),
      ms: outageMs,
      kick: fc.boolean(),
      waits: fc.boolean(),
    }),
  ),
  weigh(2, fc.record({ do: is('flap'), after: fc.nat(2_000), ms: outageMs })),
  weigh(2, fc.record({ do: is('online-storm'), count: fc.nat(40), gap: fc.nat(1_500) })),
  weigh(3, fc.record({ do: is('clock'), by: fc.integer({ min: -7_200_000, max: 7_200_000 }) })),
  weigh(2, fc.record({ do: is('chunks'), ms: outageMs, forGood: fc.boolean() })),
  weigh(3, fc.record({ do: is('foreign'), what: fc.nat(20), seed: fc.nat(1_000_000) })),
  weigh(4, fc.record({ do: is('topic'), tab, room, joins: fc.nat(3).map((number) => number > 0) })),
  weigh(
    4,
    fc.record({
      do: is('send'),
      tab,
      count: fc.integer({ min: 1, max: 4 }),
      ms: fc.constantFrom(10_000, 10_000, 60_000, 300, 20),
      next: fc.constantFrom('nothing', 'nothing', 'nothing', 'nothing', 'sign-out', 'leave'),
    }),
  ),
  weigh(3, fc.record({ do: is('room-write'), tab, room })),
  weigh(1, fc.record({ do: is('forge'), tab, room, after: fc.nat(900) })),
  weigh(2, fc.record({ do: is('spread'), who, row, ms: fc.nat(20_000) })),
  weigh(2, fc.record({ do: is('announce'), what: fc.constantFrom('gap', 'move'), ms: fc.nat(10_000) })),
  weigh(2, fc.record({ do: is('write-any'), who, row })),
  weigh(2, fc.record({ do: is('garble'), who, row, what: fc.nat(8) })),
  weigh(
    2,
    fc.record({ do: is('url-trouble'), how: fc.constantFrom('none', 'throws', 'hangs', 'hangs', 'late', 'junk') }),
  ),
  weigh(2, fc.record({ do: is('sign-out-crash'), tab, after: fc.integer({ min: -3, max: 30 }) })),
  weigh(1, fc.record({ do: is('frozen-sign-out'), tab, crash: fc.boolean(), ms: fc.nat(40_000) })),
  weigh(1, fc.record({ do: is('sign-out-in'), tab })),
  weigh(2, fc.record({ do: is('remount'), tab, ms })),
] as const
const command: fc.Arbitrary<Command> = fc.oneof(
  weigh(16, open),
  weigh(22, fc.record({ do: is('pass'), ms })),
  weigh(16, fc.record({ do: is('write'), who, row })),
  weigh(3, fc.record({ do: is('burst'), who, count: fc.nat(40), gap: fc.nat(60) })),
  weigh(4, fc.record({ do: is('mutate'), tab, row: fc.nat(1), optimistic: fc.boolean() })),
  weigh(4, fc.record({ do: is('use'), tab, query })),
  weigh(3, fc.record({ do: is('drop'), tab, query })),
  ...act(3, 'close', 'crash', 'freeze', 'resume', 'reload'),
  ...act(4, 'hide', 'show', 'park', 'back'),
  ...act(1, 'sign-out', 'sign-in'),
  weigh(2, fc.record({ do: is('switch'), tab, who: fc.nat(1) })),
  weigh(2, fc.record({ do: is('hang'), tab, ms })),
  weigh(3, fc.record({ do: is('hang-hub'), who, ms })),
  weigh(3, fc.record({ do: is('kill-workers') })),
  weigh(1, fc.record({ do: is('deploy') })),
  weigh(3, fc.record({ do: is('half-open') })),
  weigh(1, fc.record({ do: is('refuse') })),
  weigh(2, fc.record({ do: is('serve') })),
  weigh(5, fc.record({ do: is('network'), state: fc.constantFrom('up', 'up', 'cut', 'stalled', 'hole') })),
  weigh(3, fc.record({ do: is('restart'), ms: fc.nat(5_000) })),
  weigh(2, fc.record({ do: is('expire'), who, kick: fc.boolean() })),
  weigh(
    8,
    fc.record({
      do: is('nap'),
      tab,
      how: fc.constantFrom('park', 'freeze'),
      rows,
      replaced: fc.boolean(),
      early: fc.boolean(),
      outage: fc.constantFrom('none', 'none', 'restart', 'cut', 'half-open'),
      // Sometimes longer than the hub keeps its history.
      ms: fc.oneof(
        { weight: 7, arbitrary: fc.nat(4_000) },
        { weight: 1, arbitrary: fc.integer({ min: 310_000, max: 330_000 }) },
      ),
    }),
  ),
  weigh(
    4,
    fc.record({ do: is('outage'), how: fc.constantFrom('restart', 'cut', 'stalled', 'hole'), rows, ms: fc.nat(6_000) }),
  ),
  weigh(2, fc.record({ do: is('sleep'), ms: fc.nat(400_000), writes: fc.nat(3) })),
  ...faults,
)

/** Mostly a modern browser; each API is missing now and then. */
const often = fc.nat(4).map((number) => number > 0)
const seldom = (one: number) => fc.nat(one - 1).map((number) => number === one - 1)
const NONE = ['none', 'none', 'none', 'none', 'none', 'none'] as const
const setting: fc.Arbitrary<Setting> = fc.record({
  seed: fc.noShrink(fc.nat(0x7fffffff)),
  webLocks: often,
  channel: fc.nat(9).map((number) => number > 0),
  sharedWorker: fc.nat(2).map((number) => number > 0),
  extendedLifetime: fc.boolean(),
  restarts: often.map((isNot) => !isNot),
  recovery: fc.boolean(),
  renewal: fc.boolean(),
  log: fc.boolean(),
  quiet: fc.constantFrom('known', 'known', 'known', 'unknown', 'silent'),
  delay: fc.constantFrom(2, 30, 300),
  linger: fc.constantFrom(5_000, 5_000, 0),
  shareFetches: fc.boolean(),
  cookie: seldom(8),
  ownTokens: seldom(4),
  admissionMs: fc.constantFrom(0, 0, 0, 0, 2_000),
  tokenLifeMs: fc.constantFrom(0, 0, 0, 90_000, 600_000),
  lockTrouble: fc.constantFrom(...NONE, ...NONE, ...NONE, 'rejects', 'rejects', 'throws', 'hangs'),
  channelTrouble: fc.constantFrom(...NONE, ...NONE, ...NONE, 'constructor', 'post'),
  ownWrites: fc.boolean(),
  polling: seldom(3),
  failedImports: fc.constantFrom('named', 'kept', 'unnamed'),
  clearOnSwitch: seldom(3),
  brokenTouches: seldom(4),
  host: fc.constantFrom('auto', 'auto', 'auto', 'auto', 'auto', 'auto', 'leader-tab', 'this-tab'),
  apps: fc.constantFrom('one', 'one', 'one', 'one', 'names', 'paths', 'hosts'),
  transport: fc.constantFrom('socket.io', 'websocket'),
  urlFunction: seldom(3),
})

/** Histories without the parts of these names: commands by their `do`, and features (see faults.ts). */
export const anyHistory = (longest = 40, without: ReadonlySet<string> = new Set()): fc.Arbitrary<History> => {
  const neutral = Object.entries(FEATURES).filter(([name]) => without.has(name))
  const change = Object.assign({}, ...neutral.map(([, values]) => values)) as Partial<Setting>
  return fc
    .record({
      setting,
      commands: fc
        .tuple(open, fc.array(command, { minLength: 1, maxLength: longest, size: 'max' }))
        .map(([first, rest]) => [first, ...rest]),
    })
    .map((history) => ({
      // A tab's own token would end, and nobody would give it another one.
      setting: { ...history.setting, ...(history.setting.ownTokens && { tokenLifeMs: 0 }), ...change },
      commands: history.commands.filter((one) => !without.has(one.do)),
    }))
}

/** A history as lines to read. */
export function describe({ setting, commands }: History): string {
  const lack = Object.entries(setting).filter(([, value]) => value === false)
  const lines = commands.map(({ do: name, ...rest }, index) => {
    const details = Object.entries(rest).map(([field, value]) => `${field} ${JSON.stringify(value)}`)
    return `${String(index + 1).padStart(3)}  ${name}${details.length > 0 ? `  (${details.join(', ')})` : ''}`
  })
  const { seed, ...rest } = setting
  const has = Object.entries(rest).filter(([, value]) => value !== false && value !== 'none' && value !== 0)
  return [
    `setting: seed ${seed}, ${has.map(([field, value]) => (value === true ? field : `${field} ${value}`)).join(', ')}; without ${lack.map(([field]) => field).join(', ') || 'nothing'}`,
    ...lines,
  ].join('\n')
}
