import type { DevtoolsOptions, InspectedLine } from './inspected-line.js'

/**
 * Shows what a line does, in any build: the panel is loaded as a chunk of its own. Gives its end.
 */
export function mountDevtools(element: HTMLElement, line: InspectedLine, options: DevtoolsOptions = {}): () => void {
  let unmount: (() => void) | undefined
  let hasEnded = false
  import('./panel.js').then(
    ({ mountPanel }) => {
      if (!hasEnded) unmount = mountPanel(element, line, options)
    },
    (thrown: unknown) => console.warn('[partyline] the devtools could not be loaded: reload the page', thrown),
  )
  return () => {
    hasEnded = true
    unmount?.()
  }
}
