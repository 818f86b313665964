/**
 * One tab of the wall: a page of its own in a frame, with a QueryClient of its own, that shows one balance. Its half decides how it
 * hears of changes; all the rest is the same.
 */
import { QueryClient, QueryObserver } from '@tanstack/react-query'
import type { WallBalance } from '../../server/wall.js'
import { type Act, type Place, type Power, type TileState, type Wire, whole } from './place.js'

const parameters = new URLSearchParams(location.search)
const place: Place = {
  wall: parameters.get('wall') ?? '',
  half: parameters.get('half') === 'left' ? 'left' : 'right',
  number: Number(parameters.get('number')),
  host: parameters.get('host') === 'leader-tab' ? 'leader-tab' : 'auto',
}

// Frames share their page's visibility, so a hidden tab has to be acted: TanStack Query and Partyline read it here.
let act = (parameters.get('act') ?? 'visible') as Act
Object.defineProperty(document, 'visibilityState', { get: () => (act === 'visible' ? 'visible' : 'hidden') })
Object.defineProperty(document, 'hidden', { get: () => act !== 'visible' })

const path = `/api/wall/${place.wall}/${place.half}`
const tell = (what: 'event' | 'ask') => window.parent.wall?.hear(place.half, place.number, what)

async function ask<T>(what: string, request: RequestInit): Promise<T> {
  // A browser keeps six connections for requests with cookies, and six for those without. So the left half's storms do not hold
  // up the right half's requests, as they would in one pool; neither needs a cookie.
  const credentials = place.half === 'left' ? 'omit' : 'same-origin'
  const response = await fetch(`${path}/${what}`, { ...request, credentials })
  if (!response.ok) throw new Error(String(response.status))
  return (await response.json()) as T
}

const client = new QueryClient()
client.mount()
const balance = new QueryObserver<WallBalance>(client, {
  queryKey: ['balance', place.wall],
  queryFn: ({ signal }) => {
    tell('ask')
    return ask('balance', { signal })
  },
})

const power: Power = {
  place,
  client,
  token: () => ask<{ token: string }>('token', { method: 'POST' }),
  onEvent: () => tell('event'),
  onChange: () => plan(),
}

const element = (id: string) => document.getElementById(id) as HTMLElement
const tile = document.querySelector('.tile') as HTMLElement
const isCalm = matchMedia('(prefers-reduced-motion: reduce)')
let wire: Wire | undefined
let isWrong = false
let wasConnected = false
let flashedAt = Number.NEGATIVE_INFINITY
/** Less than three flashes a second, whatever happens: more can harm people. */
const FLASH_PAUSE_MS = 700

function read(): TileState {
  const { data, isFetching, isError, failureCount } = balance.getCurrentResult()
  const query = client.getQueryCache().find({ queryKey: ['balance', place.wall] })
  const { isConnected = false, hub } = wire?.read() ?? {}
  wasConnected ||= isConnected
  const isInvalidated = query?.state.isInvalidated ?? true
  return {
    act,
    data,
    isFetching,
    isFailing: isError || failureCount > 0,
    isConnected,
    isStale: isInvalidated || !isConnected,
    hub,
  }
}

/** One word for people; the edge says the rest. */
function wordFor({ act, data, isFetching, isFailing, isConnected, isStale, hub }: TileState): string {
  if (act === 'frozen') return ''
  if (!data) return isFailing ? 'no answer' : 'loading'
  if (isFailing) return 'no answer'
  if (!isConnected) return wasConnected ? 'reconnecting' : 'connecting'
  if (isWrong) return 'old'
  if (isStale) return isFetching ? 'fetching' : 'will fetch'
  return hub === 'leader' ? 'leads' : ''
}

/** A storm changes a tile hundreds of times a second; eyes follow ten. */
const DRAW_PAUSE_MS = 100
let planned: ReturnType<typeof setTimeout> | undefined
function plan(): void {
  planned ??= setTimeout(draw, DRAW_PAUSE_MS)
}

function write(id: string, text: string): void {
  const place = element(id)
  if (place.textContent !== text) place.textContent = text
}

function draw(): void {
  clearTimeout(planned)
  planned = undefined
  const state = read()
  write('amount', state.data ? whole(state.data.amount) : '…')
  write('state', wordFor(state))
  tile.toggleAttribute('data-stale', state.isStale)
  tile.toggleAttribute('data-acted', act !== 'visible')
  tile.toggleAttribute('data-wrong', isWrong)
}

function show(next: Act): void {
  const before = act
  act = next
  const label = element('acted')
  label.replaceChildren()
  if (act !== 'visible') {
    const acted = document.createElement('span')
    acted.className = 'act'
    acted.textContent = 'acted: '
    label.append(acted, act)
  }
  if (before !== next) {
    if (before === 'frozen') document.dispatchEvent(new Event('resume'))
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
    if (next === 'frozen') document.dispatchEvent(new Event('freeze'))
    wire?.freeze(next === 'frozen')
  }
  draw()
}

function flash(): void {
  if (isCalm.matches || performance.now() - flashedAt < FLASH_PAUSE_MS) return
  flashedAt = performance.now()
  element('flash').animate({ opacity: [1, 0] }, { duration: 600, easing: 'ease-out' })
}

element('number').textContent = String(place.number)
tile.dataset['half'] = place.half
document.title = `Tab ${place.number}`
let updatedAt = 0
balance.subscribe(({ dataUpdatedAt }) => {
  if (dataUpdatedAt > updatedAt) flash()
  updatedAt = dataUpdatedAt
  plan()
})
// Invalidating is no result that an observer is told of.
client.getQueryCache().subscribe(({ type }) => {
  if (type === 'updated') plan()
})
show(act)

window.tile = {
  read,
  show,
  mark(next) {
    if (isWrong === next) return
    isWrong = next
    plan()
  },
}

// Each half loads its own code alone.
const open =
  place.half === 'left'
    ? (await import('./own-socket.js')).openOwnSocket
    : (await import('./partyline.js')).openPartyline
wire = open(power)
draw()
