/** What is measured, and what of it must be reached. */
import { DEBOUNCED, LEADER, RECIPE, SHARING } from './subjects.js'

interface Judged {
  readonly subject: string
  readonly value: number
  readonly tabs: number
  /** Medians of the rounds' ratios. */
  readonly vsFloor: number | undefined
  readonly vsRecipe: number | undefined
  /** Of this very sample. */
  readonly limit: number | undefined
}

export interface Rule {
  readonly unit: string
  /** The recipe that it stands beside. */
  readonly recipe: string
  /** Digits after the point. */
  readonly digits: number
  readonly target?: string
  /** Whether the target is met; undefined where there is none. */
  met?(judged: Judged): boolean | undefined
}

const leads = (subject: string): boolean => subject === LEADER

/** At most so many times the floor's. `leader`: where the host is the leader tab. */
function withinFloor(worker: number, leader = worker) {
  const target = worker === leader ? `<= ${worker} x floor` : `<= ${worker} x floor, leader-tab: <= ${leader} x`
  const met = ({ subject, vsFloor }: Judged) =>
    vsFloor === undefined ? undefined : vsFloor <= (leads(subject) ? leader : worker)
  return { target, met }
}

const ms = (digits: number, recipe = RECIPE) => ({ unit: 'ms', recipe, digits })
const belowRecipe = {
  recipe: RECIPE,
  target: '<= recipe',
  met: ({ vsRecipe }: Judged) => (vsRecipe === undefined ? undefined : vsRecipe <= 1),
}
const flush: Rule = { ...ms(2), ...withinFloor(1.3) }

/** Tabs at which the work is measured; connections and latency are measured at every number. */
export const WORK_TABS = 20
export const BURST = 5_000

export const RULES = {
  'sockets at the server': { unit: '', recipe: RECIPE, digits: 0, target: '1', met: ({ value }) => value === 1 },
  'the first tab: script start -> connected': {
    ...ms(0),
    target: '<= 1.25 x recipe',
    met: ({ vsRecipe }) => (vsRecipe === undefined ? undefined : vsRecipe <= 1.25),
  },
  'a tab opens while the hub is up: script start -> attached': {
    ...ms(0),
    target: '<= 1.2 x floor, and before a recipe is connected',
    met: ({ vsFloor, vsRecipe }) =>
      vsFloor === undefined || vsRecipe === undefined ? undefined : vsFloor <= 1.2 && vsRecipe <= 1,
  },
  'opened at once -> all attached': {
    ...ms(0),
    target: 'from 20 tabs on: <= 1.1 x floor',
    met: ({ tabs, vsFloor }) => (tabs < WORK_TABS || vsFloor === undefined ? undefined : vsFloor <= 1.1),
  },
  'emit -> handler, p50': {
    ...ms(2),
    target: '<= 1.15 x floor, worker at 50 tabs: <= 1.2 x',
    met: ({ subject, tabs, vsFloor }) =>
      vsFloor === undefined ? undefined : vsFloor <= (tabs === 50 && !leads(subject) ? 1.2 : 1.15),
  },
  'emit -> handler, p99': {
    ...ms(2),
    target: 'leader-tab: <= 1.3 x floor',
    met: ({ subject, vsFloor }) => (vsFloor === undefined || !leads(subject) ? undefined : vsFloor <= 1.3),
  },
  'one event: requests per affected query': {
    unit: '',
    recipe: RECIPE,
    digits: 1,
    target: '1',
    met: ({ value }) => value === 1,
  },
  'one event, 5 windows: requests per query': {
    unit: '',
    recipe: RECIPE,
    digits: 1,
    target: '1 with shareFetches',
    met: ({ value, subject }) => (subject === SHARING.name ? value === 1 : undefined),
  },
  'burst: all tabs have all': { ...ms(0, DEBOUNCED), ...withinFloor(1.1, 1.3) },
  'burst: main thread CPU, per tab': { ...ms(1, DEBOUNCED), ...withinFloor(1.6, 2.2) },
  'burst: longest task (0: none of 50 ms)': {
    ...ms(0, DEBOUNCED),
    target: '<= 50 ms',
    met: ({ value }) => value <= 50,
  },
  'burst: requests per affected query': {
    unit: '',
    recipe: DEBOUNCED,
    digits: 1,
    target: '<= 2 per second of it',
    met: ({ value, limit = 2 }) => value <= limit,
  },
  'burst: CPU of the whole browser': ms(0, DEBOUNCED),
  'idle: JS heap, per tab': { unit: 'MB', digits: 2, ...belowRecipe },
  'idle: CPU, per tab and minute': { unit: 'ms', digits: 1, recipe: RECIPE },
  'idle: socket traffic per hour': { unit: 'kB', digits: 1, ...belowRecipe },
  'flush of 100 targets, 100 kinds of query': flush,
  'flush of 100 targets, one kind of query': flush,
  'flush of 500 scoped targets, 10,000 queries: CPU': { ...ms(1), ...withinFloor(3) },
  'flush of 500 scoped targets, 10,000 queries: longest task': {
    ...ms(1),
    target: '<= 50 ms',
    met: ({ value }) => value <= 50,
  },
} satisfies Record<string, Rule>
export type Measure = keyof typeof RULES
