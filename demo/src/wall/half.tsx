import { useCallback, useEffect, useRef, useState } from 'react'
import type { Half as Side } from '../../server/wall.js'
import { useStore } from '../store.js'
import { watchStage } from './pulses.js'
import { actOf, keepFrame, NUMBERS, showAgain, type WallState, wall } from './state.js'

const WORDS = {
  left: {
    title: 'A socket in every tab',
    about: 'The usual recipe: each tab connects, and invalidates at each event.',
  },
  right: {
    title: 'Partyline',
    about: 'One hub connects for all tabs, and each fetches what has changed.',
  },
} as const

const whole = new Intl.NumberFormat('en-IE')

function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(bytes < 10_000 ? 1 : 0)} kB`
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}

/** Twelve tabs of one browser, and what the server counts of them. */
export function Half({ half }: { half: Side }) {
  const state = useStore(wall)
  const stage = useRef<HTMLDivElement>(null)
  useEffect(() => (stage.current ? watchStage(half, stage.current) : undefined), [half])
  const { title, about } = WORDS[half]
  const { tone, text } = state.sentences[half]
  const titleId = `${half}-title`
  return (
    <section className="card half" data-half={half} aria-labelledby={titleId} data-testid={`half-${half}`}>
      <div className="half-head">
        <h2 id={titleId}>{title}</h2>
        <p className="about">{about}</p>
      </div>
      <Counts half={half} {...state} />
      <div className="stage" ref={stage}>
        <Wires half={half} hub={state.hub} isAway={(state.view?.restartingForMs ?? 0) > 0} />
        <div className="tiles">
          {NUMBERS.map((number) => (
            <TilePlace key={number} half={half} number={number} state={state} />
          ))}
        </div>
        <div className="dots" aria-hidden="true" />
      </div>
      <p className="verdict" data-tone={tone} data-testid={`verdict-${half}`}>
        {text}
      </p>
    </section>
  )
}

function Counts({ half, view }: { half: Side } & WallState) {
  const counts = view?.counts[half]
  const rows = [
    ['sockets', counts ? whole.format(counts.sockets) : '–'],
    ['requests', counts ? whole.format(counts.requests) : '–'],
    ['messages', counts ? whole.format(counts.messages) : '–'],
    ['sent', counts ? size(counts.bytes) : '–'],
  ] as const
  return (
    <dl className="counts" aria-label="Counted by the server">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd data-testid={`${half}-${name}`}>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

/** What connects the server with the tabs: twelve sockets, or one and then the browser's own messages. */
function Wires({ half, hub, isAway }: { half: Side; hub: string; isAway: boolean }) {
  const ends = NUMBERS.map((number) => number * 100 - 50)
  const from = half === 'left' ? 14 : 70
  return (
    <div className="wires" data-away={isAway || undefined}>
      <svg viewBox="0 0 1200 100" preserveAspectRatio="none" aria-hidden="true">
        <line className="border" x1="0" x2="1200" y1="40" y2="40" />
        {half === 'right' && <line className="socket" x1="600" x2="600" y1="14" y2="70" />}
        {ends.map((x) => (
          <line key={x} className={half === 'left' ? 'socket' : 'inside'} x1="600" x2={x} y1={from} y2="100" />
        ))}
      </svg>
      <span className="border-name">this browser</span>
      <span className="node server">{isAway ? 'server, away' : 'server'}</span>
      {half === 'right' && (
        <span className="node hub">
          hub
          <span className="where">
            {' '}
            in {hub.startsWith('tab') ? '' : 'the '}
            {hub}
          </span>
        </span>
      )}
    </div>
  )
}

function TilePlace({ half, number, state }: { half: Side; number: number; state: WallState }) {
  const { id, host, births } = state
  const birth = births[half][number - 1] ?? 1
  if (id === undefined) return <div className="place" />
  return (
    <div className="place">
      {birth > 0 ? (
        <TileFrame
          key={birth}
          half={half}
          number={number}
          address={`/tile?${new URLSearchParams({ wall: id, half, number: String(number), host, act: actOf(number, state) })}`}
        />
      ) : (
        <span className="closed">closed</span>
      )}
    </div>
  )
}

function TileFrame({ half, number, address }: { half: Side; number: number; address: string }) {
  // What it plays is in its address at first; later it is told, and does not load again.
  const [first] = useState(address)
  const keep = useCallback((frame: HTMLIFrameElement | null) => keepFrame(half, number, frame), [half, number])
  // One that is told before it has loaded does not hear it.
  return (
    <iframe
      ref={keep}
      onLoad={() => showAgain(half, number)}
      title={`${WORDS[half].title}, tab ${number}`}
      src={first}
      tabIndex={-1}
    />
  )
}
