export type { DevtoolsOptions, InspectedLine } from './inspected-line.js'
export { mountDevtools as mountPartylineDevtools } from './launcher.js'
