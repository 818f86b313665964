import type { InspectedLine } from './inspected-line.js'
import { mountPartylineDevtools } from './mount.js'

type Theme = 'light' | 'dark'

/** What TanStack Devtools takes in its `plugins`. */
interface DevtoolsPlugin {
  readonly id: string
  readonly name: string
  /** Older versions give the theme itself. Its adapters for frameworks render what this gives: nothing. */
  readonly render: (element: HTMLElement, given: Theme | { readonly theme: Theme }) => never
  readonly destroy: () => void
}

/** The panel as a plugin of TanStack Devtools. In a production build it shows nothing. */
export function partylineDevtoolsPlugin(line: InspectedLine): DevtoolsPlugin {
  let shown: { readonly element: HTMLElement; readonly theme: Theme; readonly unmount: () => void } | undefined

  function destroy(): void {
    shown?.unmount()
    shown = undefined
  }

  return {
    id: 'partyline',
    name: 'Partyline',
    render(element, given) {
      const theme = typeof given === 'string' ? given : given.theme
      // It is called again whenever one of its props changes, and in a new element whenever the plugin is opened.
      if (shown?.element !== element || shown.theme !== theme) {
        destroy()
        shown = { element, theme, unmount: mountPartylineDevtools(element, line, { layout: 'inline', theme }) }
      }
      return null as never
    },
    destroy,
  }
}
