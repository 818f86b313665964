import type { Half } from '../../server/wall.js'
import { TILES } from './state.js'

// Dots that run from the server over the hub to the tiles that ask. Each is one element that is used again, and only its
// `transform` and `opacity` change, so that drawing them is the compositor's work alone.

type Point = readonly [x: number, y: number]

interface Stage {
  readonly server: Point
  readonly hub: Point
  readonly tiles: readonly Point[]
  readonly dots: readonly HTMLElement[]
  readonly hubDot: HTMLElement
}

const stages: Partial<Record<Half, Stage>> = {}
const RUN_MS = 420
/** A dot that still runs is not sent again. */
const busyUntil = new Map<HTMLElement, number>()
const isCalm = matchMedia('(prefers-reduced-motion: reduce)')

/** Measures a half's stage, now and whenever its size changes; returns the way to stop. */
export function watchStage(half: Half, stage: HTMLElement): () => void {
  const measure = () => {
    const { left, top } = stage.getBoundingClientRect()
    const centre = (element: Element | null): Point => {
      const box = element?.getBoundingClientRect()
      return box ? [box.left + box.width / 2 - left, box.top + box.height / 2 - top] : [0, 0]
    }
    const layer = stage.querySelector<HTMLElement>('.dots')
    if (!layer) return
    while (layer.childElementCount < TILES + 1) {
      layer.append(Object.assign(document.createElement('i'), { className: 'dot' }))
    }
    const [hubDot, ...dots] = [...layer.children] as HTMLElement[]
    if (!hubDot) return
    const server = centre(stage.querySelector('.node.server'))
    const hub = stage.querySelector('.node.hub')
    stages[half] = {
      server,
      hub: hub ? centre(hub) : server,
      tiles: [...stage.querySelectorAll('.place')].map(centre),
      dots,
      hubDot,
    }
  }
  measure()
  const observer = new ResizeObserver(measure)
  observer.observe(stage)
  return () => observer.disconnect()
}

function run(dot: HTMLElement | undefined, [fromX, fromY]: Point, [toX, toY]: Point): void {
  const now = performance.now()
  if (!dot || now < (busyUntil.get(dot) ?? 0)) return
  busyUntil.set(dot, now + RUN_MS)
  dot.animate(
    [
      { transform: `translate(${fromX}px, ${fromY}px)`, opacity: 1 },
      { transform: `translate(${toX}px, ${toY}px)`, opacity: 1, offset: 0.85 },
      { transform: `translate(${toX}px, ${toY}px)`, opacity: 0 },
    ],
    { duration: RUN_MS, easing: 'ease-in-out' },
  )
}

/** From here on tiles can tell what they do. */
export function hearTiles(): void {
  window.wall = {
    hear(half, number, what) {
      const stage = stages[half]
      if (!stage || isCalm.matches || document.visibilityState === 'hidden') return
      const tile = stage.tiles[number - 1]
      // Right, one message comes over the one socket; left, each tab has its own.
      if (what === 'event' && half === 'right') run(stage.hubDot, stage.server, stage.hub)
      if (what === 'ask' && tile) run(stage.dots[number - 1], stage.hub, tile)
    },
  }
}
