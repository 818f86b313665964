import type { QueryKey } from '@tanstack/react-query'
import fc from 'fast-check'

/** The queries of the app. The last two are a list of pages, and one whose event reaches only who has joined the topic. */
export const QUERIES: readonly QueryKey[] = [
  ['item', 0],
  ['item', 1],
  ['list', { type: 'a' }],
  ['list'],
  ['cards'],
  ['transfers', 0],
  ['feed'],
  ['room'],
]
export const FEED = QUERIES.length - 2
export const ROOM = QUERIES.length - 1

/** What may happen in a history, by what it belongs to. */
const KINDS = [
  // Changes, each with its event.
  ...['item', 'items', 'scoped', 'two', 'branchy', 'feed', 'room', 'burst'],
  // Components.
  ...['mount', 'mount-quiet', 'mount-disabled', 'mount-loose', 'mount-static', 'unmount', 'disable', 'enable'],
  // The page and its user.
  ...['hide', 'show', 'offline', 'online', 'join', 'leave'],
  // The connection.
  ...['drop', 'outage', 'flap', 'half-open', 'kill-worker'],
  // The API.
  ...['fail', 'hang', 'api-down'],
  // What the app does with its cache.
  ...['cancel', 'invalidate', 'refetch', 'load', 'ensure', 'prefetch', 'remove', 'reset', 'next-page'],
  ...['set', 'rewrite', 'set-aged', 'initial', 'initial-aged', 'hydrate', 'hydrate-pending', 'restore'],
  // Mutations.
  ...['guess', 'rollback', 'long-guess', 'long-rollback', 'named'],
] as const
export type Kind = (typeof KINDS)[number]

/** Each history has them, and so many others at most. */
const COMMON: readonly Kind[] = ['item']
const KINDS_OF_HISTORY = 5

/** Parts of the setting, and a question at the end, that are named like kinds, to be left out like them. */
const SETTINGS = [
  'check-first-load',
  'retry',
  'slow-api',
  'two-tabs',
  'share-fetches',
  'polling',
  'end-quiet',
  'end-loader',
] as const

export interface Step {
  readonly do: Kind
  /** Index into `QUERIES`. */
  readonly q: number
  readonly tab: number
  /** How long it takes, in milliseconds. */
  readonly ms: number
  readonly yes: boolean
  /** The pause after it, in milliseconds. */
  readonly thenMs: number
}

export interface Setting {
  readonly seed: number
  readonly takesMs: number
  readonly retry: number
  readonly tabs: number
  readonly shareFetches: boolean
  readonly polling: boolean
  /** The tabs are never hidden, so nothing comes to the user's notice by a look. */
  readonly alwaysVisible: boolean
  /** How the app comes back at the end to what it did not show: by a component, one with `refetchOnMount: false`, a router's loader. */
  readonly end: 'mount' | 'quiet' | 'loader'
}

export interface History {
  readonly setting: Setting
  readonly steps: readonly Step[]
}

export function anyHistory(
  longest: number,
  without: ReadonlySet<string>,
  only?: readonly string[],
): fc.Arbitrary<History> {
  const kinds = KINDS.filter((kind) => !without.has(kind) && (!only || only.includes(kind)))
  const unless = <T>(name: (typeof SETTINGS)[number], ...values: [T, ...T[]]) =>
    without.has(name) ? fc.constant(values[0]) : fc.constantFrom(...values)
  const stepOf = (some: readonly Kind[]): fc.Arbitrary<Step> =>
    fc.record({
      do: fc.constantFrom(...some),
      q: fc.oneof(
        // Most of it happens to a few of them.
        { weight: 4, arbitrary: fc.constantFrom(0, 0, 0, FEED) },
        { weight: 1, arbitrary: fc.nat(QUERIES.length - 1) },
      ),
      tab: fc.nat(1),
      ms: fc.constantFrom(10, 100, 500, 1_200, 3_000),
      yes: fc.boolean(),
      thenMs: fc.constantFrom(0, 10, 60, 150, 400, 1_500, 5_000, 20_000),
    })
  return fc.record({
    setting: fc.record({
      seed: fc.nat(1_000_000),
      takesMs: unless('slow-api', 50, 10, 400, 2_000),
      retry: unless('retry', 0, 0, 3),
      tabs: unless('two-tabs', 1, 1, 2),
      shareFetches: unless('share-fetches', false, true),
      polling: unless('polling', false, true),
      alwaysVisible: fc.boolean(),
      end: fc.constantFrom<Setting['end']>(
        'mount',
        ...(without.has('end-quiet') ? [] : (['quiet'] as const)),
        ...(without.has('end-loader') ? [] : (['loader'] as const)),
      ),
    }),
    // A few kinds for each history: among all of them, two that are in each other's way would hardly ever meet.
    steps: fc
      .subarray(kinds, { minLength: Math.min(2, kinds.length), maxLength: Math.min(KINDS_OF_HISTORY, kinds.length) })
      .chain((some) =>
        fc.array(stepOf([...COMMON.filter((kind) => kinds.includes(kind)), ...some]), {
          maxLength: longest,
          size: 'max',
        }),
      ),
  })
}

export function describeHistory({ setting, steps }: History): string {
  const lines = steps.map(({ do: what, q, tab, ms, yes, thenMs }) => {
    const on = `${JSON.stringify(QUERIES[q])}${setting.tabs > 1 ? ` in tab ${tab}` : ''}`
    return `  ${what.padEnd(16)} ${on}  ${ms} ms, ${yes}; then ${thenMs} ms`
  })
  return [`  ${JSON.stringify(setting)}`, ...lines].join('\n')
}
