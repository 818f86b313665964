/** @jsxImportSource preact */
import type { Remembered } from './memory.js'

const MIN_PX = 200
const STEP_PX = 24
/** This much of the page stays visible. */
const MARGIN_PX = 60

/** The panel's free edge: drag it, or move it with the arrow keys. */
export function Resizer(props: {
  readonly dock: Remembered['dock']
  readonly px: number
  readonly window: Window
  readonly remember: (change: Partial<Remembered>) => void
}) {
  const { dock, px, window, remember } = props
  const isBelow = dock === 'bottom'
  const most = Math.max(MIN_PX, (isBelow ? window.innerHeight : window.innerWidth) - MARGIN_PX)

  function resize(to: number): void {
    const bounded = Math.round(Math.min(most, Math.max(MIN_PX, to)))
    remember(isBelow ? { heightPx: bounded } : { widthPx: bounded })
  }

  function onPointerMove(event: PointerEvent): void {
    const { currentTarget } = event
    if (!(currentTarget as HTMLElement).hasPointerCapture(event.pointerId)) return
    resize(isBelow ? window.innerHeight - event.clientY : window.innerWidth - event.clientX)
  }

  function onKeyDown(event: KeyboardEvent): void {
    const [larger, smaller] = isBelow ? ['ArrowUp', 'ArrowDown'] : ['ArrowLeft', 'ArrowRight']
    if (event.key !== larger && event.key !== smaller) return
    event.preventDefault()
    resize(px + (event.key === larger ? STEP_PX : -STEP_PX))
  }

  return (
    // biome-ignore lint/a11y/useSemanticElements: a rule can't be moved.
    <div
      class={`resizer ${dock}`}
      role="separator"
      tabIndex={0}
      aria-label="Size of the panel"
      aria-orientation={isBelow ? 'horizontal' : 'vertical'}
      aria-valuenow={Math.min(px, most)}
      aria-valuemin={MIN_PX}
      aria-valuemax={most}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={onPointerMove}
      onKeyDown={onKeyDown}
    />
  )
}
