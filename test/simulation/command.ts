import * as fc from 'fast-check'

/** A step of a history. `tab` is taken modulo the number of open tabs, so that histories shrink well. */
export type Command =
  | { readonly do: 'open'; readonly who: number; readonly trouble: number; readonly queries: readonly number[] }
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
  readonly delay: number
  readonly linger: number
  /** Tabs that are visible at once share fetches. */
  readonly shareFetches: boolean
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
})
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
)

/** Mostly a modern browser; each API is missing now and then. */
const often = fc.nat(4).map((number) => number > 0)
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
  delay: fc.constantFrom(2, 30, 300),
  linger: fc.constantFrom(5_000, 5_000, 0),
  shareFetches: fc.boolean(),
})

export const anyHistory = (longest = 40): fc.Arbitrary<History> =>
  fc.record({
    setting,
    commands: fc
      .tuple(open, fc.array(command, { minLength: 1, maxLength: longest, size: 'max' }))
      .map(([first, rest]) => [first, ...rest]),
  })

/** A history as lines to read. */
export function describe({ setting, commands }: History): string {
  const lack = Object.entries(setting).filter(([, value]) => value === false)
  const lines = commands.map(({ do: name, ...rest }, index) => {
    const details = Object.entries(rest).map(([field, value]) => `${field} ${JSON.stringify(value)}`)
    return `${String(index + 1).padStart(3)}  ${name}${details.length > 0 ? `  (${details.join(', ')})` : ''}`
  })
  return [
    `setting: seed ${setting.seed}, delay ${setting.delay}, linger ${setting.linger}${setting.shareFetches ? ', shared fetches' : ''}; without ${lack.map(([field]) => field).join(', ') || 'nothing'}`,
    ...lines,
  ].join('\n')
}
