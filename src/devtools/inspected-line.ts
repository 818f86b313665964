import type { Explanation, Inspection, LineRecord } from '../inspect/inspection.js'
import type { Simulation } from '../wire/hub-calls.js'
import type { Metadata } from '../wire/protocol.js'
import type { Status } from '../wire/status.js'

/** The part of a line that the panel uses. Every line has it. */
export interface InspectedLine {
  readonly status: Status
  subscribe(listener: () => void): () => void
  inspect(): Promise<Inspection>
  onRecord(listener: (record: LineRecord) => void): () => void
  explain(event: string, metadata: Metadata): Promise<readonly Explanation[]>
  simulate(simulation: Simulation): Promise<void>
}

export interface DevtoolsOptions {
  /**
   * `floating`: a button in a corner of the window opens the panel. `inline`: the panel fills the element, and is open for
   * as long as it is mounted. Default: `floating`.
   */
  readonly layout?: 'floating' | 'inline' | undefined
  /** Default: `system`, as the user's system has it. */
  readonly theme?: 'system' | 'light' | 'dark' | undefined
  /** The corner of the button. Default: `bottom-right`. */
  readonly corner?: 'bottom-right' | 'bottom-left' | undefined
  /** Opens and closes the panel: modifiers and one letter or digit. False: no key does. Default: `Alt+Shift+P`. */
  readonly hotkey?: string | false | undefined
  /** Whether the panel is open at first. Default: as the user left it, and closed before that. */
  readonly isOpen?: boolean | undefined
}

/** Shows what a line does, in an element of the page. Gives its end. */
export type MountDevtools = (element: HTMLElement, line: InspectedLine, options?: DevtoolsOptions) => () => void
