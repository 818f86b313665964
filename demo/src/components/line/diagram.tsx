/** The end of a wire: a tab. */
export interface End {
  readonly id: string
  readonly name: string
  /** `leader`, `hidden`. */
  readonly notes: string
  readonly isOwn?: boolean
}

const DRAWN = 6

interface DiagramProps {
  readonly ends: readonly End[]
  /** Where the hub runs. */
  readonly where: string
  readonly isConnected: boolean
  /** A pulse runs along the wires whenever this changes. */
  readonly beat?: number | undefined
}

/** One connection from the server to the hub, and from there a wire to each tab. */
export function Diagram({ ends, where, isConnected, beat }: DiagramProps) {
  const pulse = isConnected && beat !== undefined && <i key={beat} className="pulse" />
  const more = ends.length - DRAWN
  return (
    <div className="diagram" data-connected={isConnected}>
      <span className="node">Server</span>
      <span className="wire trunk">{pulse}</span>
      <span className="node hub">
        Hub <small data-testid="status-host">{where}</small>
      </span>
      <span className="wire stub" />
      <ul>
        {ends.slice(0, DRAWN).map(({ id, name, notes, isOwn = false }) => (
          <li key={id} data-own={isOwn} data-hidden={notes.includes('hidden')}>
            {pulse}
            <b>{name}</b> {notes && <small>{notes}</small>}
          </li>
        ))}
        {more > 0 && (
          <li>
            <small>and {more} more</small>
          </li>
        )}
      </ul>
    </div>
  )
}
