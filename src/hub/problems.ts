import type { HubProblem } from '../protocol.js'
import type { TabRegistry } from './tab-registry.js'

/** Names whose problems were told already; bounded, since the server chooses them. */
const TOLD = 100

/** Once for each event, and to one tab: a problem of the server's is one line in an error log, not one for each tab. */
export function createTellOnce(tabs: TabRegistry) {
  const told = new Set<string>()
  return (event: string, code: HubProblem, message: string): void => {
    const subject = `${code} ${event}`
    const [tab] = tabs.all()
    if (!tab || told.has(subject) || told.size >= TOLD) return
    told.add(subject)
    tab.endpoint.postMessage({ kind: 'problem', code, message, event })
  }
}
