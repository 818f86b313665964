/** @jsxImportSource preact */
/// <reference types="vite/client" />
import { render } from 'preact'
import type { DevtoolsOptions, InspectedLine } from './inspected-line.js'
import { createMemory } from './panel/memory.js'
import css from './panel/panel.css?inline'
import { Shell } from './panel/shell.js'
import { createPanelStore } from './panel/store.js'

/** Draws the panel in a shadow root of its own at the end of the element. Gives its end. */
export function mountPanel(element: HTMLElement, line: InspectedLine, options: DevtoolsOptions): () => void {
  const { ownerDocument: document } = element
  const window = document.defaultView as Window & typeof globalThis
  const isInline = options.layout === 'inline'
  const host = document.createElement('partyline-devtools')
  const root = host.attachShadow({ mode: 'open' })
  // Constructed in the page's realm, as the document demands. Unlike a style element it needs no leave from the page's policy.
  const sheet = new window.CSSStyleSheet()
  sheet.replaceSync(css)
  root.adoptedStyleSheets = [sheet]
  host.toggleAttribute('inline', isInline)
  element.append(host)

  const store = createPanelStore(line, window)
  const memory = createMemory(window, {
    isOpen: false,
    view: 'line',
    dock: 'bottom',
    heightPx: 420,
    widthPx: 560,
  })
  if (options.isOpen !== undefined) memory.set({ isOpen: options.isOpen })
  render(<Shell store={store} memory={memory} options={options} window={window} />, root)
  return () => {
    render(null, root)
    store.close()
    host.remove()
  }
}
