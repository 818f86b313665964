import type { HubErrorCode } from '../wire/protocol.js'
import type { TabRegistry } from './tab-registry.js'

/** Names whose problems were told already; bounded, since the server chooses them. */
const TOLD = 100

export type TellOne = (code: HubErrorCode, message: string, event?: string) => boolean

/** To one tab: a problem of the server's is one line in an error log, not one for each tab. False when there is none. */
export function createReportToOneTab(tabs: TabRegistry): TellOne {
  return (code, message, event) => {
    const [tab] = tabs.all()
    tab?.endpoint.postMessage({ kind: 'problem', code, message, ...(event !== undefined && { event }) })
    return tab !== undefined
  }
}

/** Once for each event. */
export function createReportOncePerEvent(tellOne: TellOne) {
  const told = new Set<string>()
  return (event: string, code: HubErrorCode, message: string): void => {
    const subject = `${code} ${event}`
    // The server chooses the names of unknown events; those of the others are the app's own.
    if (told.has(subject) || (told.size >= TOLD && code === 'unknown-event')) return
    if (tellOne(code, message, event)) told.add(subject)
  }
}
