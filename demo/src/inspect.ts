import { line } from './realtime.js'

let close: (() => void) | undefined

/** Opens Partyline's devtools over this tab's line. Their code is loaded when somebody wants to see them. */
export async function inspect(): Promise<void> {
  const { mountPartylineDevtools } = await import('partyline/devtools/production')
  close?.()
  close = mountPartylineDevtools(document.body, line, { isOpen: true, corner: 'bottom-left' })
}
