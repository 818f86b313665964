export type { DevtoolsOptions, InspectedLine } from './inspected-line.js'
export { mountPartylineDevtools } from './mount.js'
export { partylineDevtoolsPlugin } from './plugin.js'
