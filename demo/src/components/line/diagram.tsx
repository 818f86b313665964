const DRAWN = 6
const WIDTH = 320
const HEIGHT = 96

interface DiagramProps {
  readonly tabs: number
  readonly connected: boolean
  /** A pulse runs along the line whenever this changes. */
  readonly beat?: number | undefined
}

/** One line from the server to the hub, and from there one to each tab. */
export function Diagram({ tabs, connected, beat }: DiagramProps) {
  const drawn = Math.max(1, Math.min(tabs, DRAWN))
  const hubX = 150
  const middle = HEIGHT / 2
  const step = Math.min(30, (HEIGHT - 16) / drawn)
  const ys = Array.from({ length: drawn }, (_, index) => middle + (index - (drawn - 1) / 2) * step)

  return (
    <svg className="diagram" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true" data-connected={connected}>
      <path className="wire trunk" d={`M52 ${middle}H${hubX}`} />
      {ys.map((y) => (
        <path
          key={y}
          className="wire"
          d={`M${hubX} ${middle}C${hubX + 50} ${middle} ${hubX + 40} ${y} ${hubX + 104} ${y}`}
        />
      ))}
      {connected && beat !== undefined && <circle key={beat} className="pulse" r="4" cx="52" cy={middle} />}
      <g className="node">
        <rect x="8" y={middle - 22} width="44" height="44" rx="11" />
        <path d={`M19 ${middle - 7}h22M19 ${middle + 7}h22`} />
      </g>
      <circle className="hub" cx={hubX} cy={middle} r="9" />
      {ys.map((y, index) => (
        <rect
          key={y}
          className={index === 0 ? 'tab own' : 'tab'}
          x={hubX + 104}
          y={y - step * 0.36}
          width="42"
          height={step * 0.72}
          rx="4"
        />
      ))}
      {tabs > DRAWN && (
        <text x={WIDTH - 18} y={middle + 4}>
          +{tabs - DRAWN}
        </text>
      )}
    </svg>
  )
}
