/** The panel over a line that is made up, so that every view has something to show without a server. */
import { type DevtoolsOptions, mountPartylineDevtools } from 'partyline/devtools/production'
import { createFixtureLine, type FixtureLine, type Scenario } from './fixture.js'

declare global {
  interface Window {
    fixture: FixtureLine
    unmount: () => void
    remount: () => void
  }
}

const parameters = new URLSearchParams(location.search)
const options: DevtoolsOptions = {
  theme: (parameters.get('theme') ?? 'system') as 'system' | 'light' | 'dark',
  isOpen: parameters.has('open') || undefined,
}

window.fixture = createFixtureLine((parameters.get('scenario') ?? 'healthy') as Scenario)
window.remount = () => {
  window.unmount = mountPartylineDevtools(document.body, window.fixture.line, options)
}
window.remount()
