import type { Half, WallView } from '../../server/wall.js'
import { createStore } from '../store.js'
import type { Act, TileState } from './place.js'
import { type Sentence, sentenceOf, standingOf, summaryOf, verdictOf } from './verdict.js'

export const TILES = 12
export const NUMBERS = Array.from({ length: TILES }, (_, index) => index + 1)
const HALVES = ['left', 'right'] as const satisfies readonly Half[]
/** The tiles that play hidden ones at first. */
const HIDDEN = [10, 11, 12]
/** The tile that the button freezes. */
export const FROZEN = 5
const POLL_MS = 500
export const CHART_MS = 30_000
/** What the chart calls a second's requests is the average of so long. */
export const AVERAGE_MS = 2_000
const BURST_AT_MS = 8_000
const FIRST_BURST = 100
/** A closed tile's place stays empty for so long. */
const CLOSED_MS = 3_000
/** Nobody is told of the wall's state more often than that. */
const ANNOUNCE_MS = 6_000

/** How many requests there had been in all, at one moment of the server's clock. */
export interface Sample {
  readonly atMs: number
  readonly left: number
  readonly right: number
}

export interface WallState {
  /** Undefined until there is one. */
  readonly id: string | undefined
  readonly view: WallView | undefined
  /** The page's own requests have no answer: what the wall says is old. */
  readonly isCut: boolean
  readonly host: 'auto' | 'leader-tab'
  readonly areHidden: boolean
  readonly isFrozen: boolean
  /** How often each tile has been opened anew; negative while it is closed. */
  readonly births: Readonly<Record<Half, readonly number[]>>
  readonly sentences: Readonly<Record<Half, Sentence>>
  /** Where the hub of the right half is. */
  readonly hub: string
  readonly samples: readonly Sample[]
  /** What the last button did. */
  readonly note: string
  /** What a screen reader hears, at most every few seconds. */
  readonly summary: string
}

const loading: Sentence = { tone: 'busy', text: 'The tiles are loading' }
const NEW_BIRTHS = Array<number>(TILES).fill(1)

export const wall = createStore<WallState>({
  id: undefined,
  view: undefined,
  isCut: false,
  host: 'auto',
  areHidden: true,
  isFrozen: false,
  births: { left: NEW_BIRTHS, right: NEW_BIRTHS },
  sentences: { left: loading, right: loading },
  hub: 'SharedWorker',
  samples: [],
  note: '',
  summary: '',
})

const set = (change: Partial<WallState>) => wall.set({ ...wall.get(), ...change })

// The frames are the page's own, so the wall asks their tiles directly.

const frames: Record<Half, Map<number, HTMLIFrameElement>> = { left: new Map(), right: new Map() }

export function keepFrame(half: Half, number: number, frame: HTMLIFrameElement | null): void {
  if (frame) frames[half].set(number, frame)
  else frames[half].delete(number)
}

const tileAt = (half: Half, number: number) => frames[half].get(number)?.contentWindow?.tile
const readHalf = (half: Half): (TileState | undefined)[] => NUMBERS.map((number) => tileAt(half, number)?.read())

export function actOf(number: number, { areHidden, isFrozen }: WallState): Act {
  if (isFrozen && number === FROZEN) return 'frozen'
  return areHidden && HIDDEN.includes(number) ? 'hidden' : 'visible'
}

function act(change: Pick<Partial<WallState>, 'areHidden' | 'isFrozen'>, note: string): void {
  set({ ...change, note })
  for (const half of HALVES) for (const number of NUMBERS) tileAt(half, number)?.show(actOf(number, wall.get()))
}

/** Tells a tile what it plays by now. */
export const showAgain = (half: Half, number: number): void => tileAt(half, number)?.show(actOf(number, wall.get()))

async function send(path: string, body?: object): Promise<void> {
  const { id } = wall.get()
  const headers = { 'content-type': 'application/json' }
  await fetch(`/api/wall/${id}/${path}`, { method: 'POST', headers, body: JSON.stringify(body ?? {}) }).catch(
    () => undefined,
  )
}

/** What the page asks of the server, and of its own tiles. */
export const actions = {
  async setRate(eventsPerSecond: number) {
    await send('rate', { eventsPerSecond })
  },
  async burst(count: number, isPlayed = false) {
    // What plays by itself does not talk over what somebody has pressed.
    if (!isPlayed || !wall.get().note) set({ note: `${count} changes in one commit: ${count} events at once.` })
    await send('burst', { count })
  },
  async restart() {
    set({
      note: 'The server restarts: every socket is dropped, and for 4 s it lets nobody in. The data goes on changing.',
    })
    await send('restart')
  },
  async stopApi() {
    set({ note: 'For 10 s the API answers every tile with an error. Events go on.' })
    await send('stop-api')
  },
  /** In the SharedWorker no tab owns the socket: then it is the tab that was there first. */
  closeOwner() {
    const tiles = readHalf('right')
    const leader = tiles.findIndex((tile) => tile?.hub === 'leader') + 1
    const number = leader || 1
    const what = leader
      ? `Right, tab ${number} owned the socket: another tab takes over.`
      : 'Right, the socket lives in the SharedWorker, which no tab owns: tab 1, which started it, closes, and nothing happens to it.'
    for (const half of HALVES) reopen(half, number)
    set({ note: `Tab ${number} is closed in both halves, and opens again after 3 s. ${what}` })
  },
  freeze() {
    const isFrozen = !wall.get().isFrozen
    const note = isFrozen
      ? `Tab ${FROZEN} stands still in both halves. It is acted: its events wait, and it hears what a browser says to a tab that it freezes.`
      : `Tab ${FROZEN} goes on.`
    act({ isFrozen }, note)
  },
  hide() {
    const areHidden = !wall.get().areHidden
    const [first, , last] = HIDDEN
    const note = areHidden
      ? `Tabs ${first} to ${last} are hidden. It is acted: frames are as visible as their page.`
      : `Tabs ${first} to ${last} are shown.`
    act({ areHidden }, note)
  },
  /** Opens the tiles of the right half anew, for a browser that has no SharedWorker. */
  changeHost() {
    const { host, births } = wall.get()
    const next = host === 'auto' ? 'leader-tab' : 'auto'
    set({
      host: next,
      births: { ...births, right: births.right.map((birth) => Math.abs(birth) + 1) },
      note:
        next === 'auto'
          ? 'Right, with a SharedWorker: the hub runs in it.'
          : 'Right, as in a browser without SharedWorker: the tabs elect one, and the hub runs in it.',
    })
  },
}

function reopen(half: Half, number: number): void {
  const change = (to: (birth: number) => number) => {
    const { births } = wall.get()
    const changed = births[half].map((birth, index) => (index + 1 === number ? to(birth) : birth))
    set({ births: { ...births, [half]: changed } })
  }
  change((birth) => -Math.abs(birth))
  setTimeout(() => change((birth) => Math.abs(birth) + 1), CLOSED_MS)
}

/** Opens a wall at the server, and follows it for as long as the page lives. */
export async function openWall(): Promise<void> {
  const response = await fetch('/api/wall', { method: 'POST' }).catch(() => undefined)
  if (!response?.ok) {
    set({ isCut: true })
    setTimeout(() => void openWall(), 2_000)
    return
  }
  const { id } = (await response.json()) as { id: string }
  set({ id, isCut: false })
  for (;;) {
    await look(id)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

let isPlaying = false

/** The first burst comes some seconds after all tiles are there. */
function play({ left, right }: WallState['sentences']): void {
  if (isPlaying || left.tone !== 'good' || right.tone !== 'good') return
  isPlaying = true
  setTimeout(() => void actions.burst(FIRST_BURST, true), BURST_AT_MS)
}

async function look(id: string): Promise<void> {
  const response = await fetch(`/api/wall/${id}`).catch(() => undefined)
  // The server has taken it down, or is a new one: everything begins again.
  if (response?.status === 404) return location.reload()
  const view = response?.ok ? ((await response.json()) as WallView) : undefined
  if (!view) return set({ isCut: true })

  const before = wall.get()
  const tiles = { left: readHalf('left'), right: readHalf('right') }
  const sentences = { left: judge('left', tiles.left, view), right: judge('right', tiles.right, view) }
  play(sentences)
  set({
    view,
    isCut: false,
    sentences,
    hub: hubIn(tiles.right, before),
    samples: sampled(before, view),
    summary: announced(before, sentences, view),
  })
}

function judge(half: Half, tiles: readonly (TileState | undefined)[], view: WallView): Sentence {
  const standings = tiles.map((tile) => standingOf(tile, view.settledVersion))
  for (const [index, standing] of standings.entries()) tileAt(half, index + 1)?.mark(standing === 'is-wrong')
  return sentenceOf(verdictOf(standings))
}

function hubIn(tiles: readonly (TileState | undefined)[], { host }: WallState): string {
  const leader = tiles.findIndex((tile) => tile?.hub === 'leader') + 1
  if (leader) return `tab ${leader}`
  return host === 'auto' && tiles.some((tile) => tile?.hub === 'shared-worker') ? 'SharedWorker' : 'looking for one'
}

function sampled({ samples }: WallState, { atMs, counts }: WallView): Sample[] {
  const sample = { atMs, left: counts.left.requests, right: counts.right.requests }
  return [...samples, sample].filter((one) => one.atMs > atMs - CHART_MS - 2 * AVERAGE_MS)
}

let announcedAt = performance.now()
let said = ''

/** Only what is another state than before, and not each of a storm's. */
function announced({ summary }: WallState, { left, right }: WallState['sentences'], view: WallView): string {
  const state = `${left.tone} ${right.tone}`
  if (state === said || performance.now() - announcedAt < ANNOUNCE_MS) return summary
  said = state
  announcedAt = performance.now()
  return summaryOf(left, right, view.counts)
}
