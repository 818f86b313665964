/**
 * The devtools for a production build.
 * @module partyline/devtools/production
 */

export type { DevtoolsOptions, InspectedLine } from './inspected-line.js'
export { mountDevtools as mountPartylineDevtools } from './launcher.js'
