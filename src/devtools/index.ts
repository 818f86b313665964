/**
 * The devtools for development. They are empty in a production build.
 * @module partyline/devtools
 */

export type { DevtoolsOptions, InspectedLine } from './inspected-line.js'
export { mountPartylineDevtools } from './mount.js'
export { partylineDevtoolsPlugin } from './plugin.js'
