/** Who takes part. */
export interface Subject {
  readonly name: string
  readonly path: string
  /** Whose figures its own are divided by. Undefined: it is a floor itself. */
  readonly floor?: string
}

export const FLOOR = 'bare worker'
export const LEADER_FLOOR = 'bare leader'
export const RECIPE = 'recipe'
export const DEBOUNCED = 'recipe + debounce 300 ms'
export const WORKER = 'partyline, shared-worker'
export const LEADER = 'partyline, leader-tab'

const onFloor = (name: string, path: string, floor = FLOOR): Subject => ({ name, path, floor })

/** Those that the targets compare. They take part in every round. */
export const MAIN: readonly Subject[] = [
  { name: FLOOR, path: '/floor.html?' },
  { name: LEADER_FLOOR, path: '/bare-leader.html?' },
  onFloor(RECIPE, '/recipe.html?'),
  onFloor(WORKER, '/partyline.html?'),
  onFloor(LEADER, '/partyline.html?host=leader-tab&', LEADER_FLOOR),
]

/** Quoted beside them, in fewer rounds. */
export const OTHERS: readonly Subject[] = [
  onFloor(DEBOUNCED, '/recipe-debounced.html?'),
  onFloor('tab-election', '/tab-election.html?'),
  onFloor('alive-client', '/alive.html?'),
]

/** Other transports, at `WORK_TABS` alone. */
export const TRANSPORTS: readonly Subject[] = [
  onFloor('partyline, WebSocket', '/partyline.html?transport=websocket&'),
  onFloor('partyline, SSE', '/partyline.html?transport=sse&'),
]

/** Measured beside the others only where all windows are visible. */
export const SHARING: Subject = onFloor('partyline, shareFetches', '/partyline.html?share&')
export const ANY_HOST = 'partyline, any host'

const ALL = [...MAIN, ...OTHERS, ...TRANSPORTS, SHARING]

export const floorOf = (subject: string): string | undefined =>
  subject === FLOOR || subject === LEADER_FLOOR ? undefined : (ALL.find(({ name }) => name === subject)?.floor ?? FLOOR)

/** The targets are for these. */
export const isPartyline = (subject: string): boolean => subject.startsWith('partyline')
export const isFloor = (subject: string): boolean => floorOf(subject) === undefined
