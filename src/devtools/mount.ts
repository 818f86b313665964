import type { MountDevtools } from './inspected-line.js'
import { mountDevtools } from './launcher.js'

declare const process: { env: { NODE_ENV?: string } }

const mountNothing: MountDevtools = () => () => undefined

/**
 * Shows what a line does, in an element of the page. Gives its end. In a production build it does nothing, and none of its
 * code is there: `partyline/devtools/production` has the same function for every build.
 */
// Bundlers replace the whole of `process.env.NODE_ENV`, and then drop what nobody uses. A `typeof process` before it would stay.
export const mountPartylineDevtools: MountDevtools =
  process.env.NODE_ENV === 'production' ? mountNothing : mountDevtools
