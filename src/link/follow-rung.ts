import type { TabEnvironment } from '../platform/page.js'
import { findOwner } from './find-owner.js'
import type { Rung } from './rung.js'

/** How long (ms) an owner may take to show itself to a tab whose own hub stands by. */
const SEARCH = 3_000

/** To whichever hub owns the socket, over the channel: for a tab whose own hub has to stand by. */
export function followRung(environment: TabEnvironment, key: string): Rung {
  return {
    host: 'leader-tab',
    open: ({ signal }) =>
      new Promise((resolve, reject) => {
        const stop = environment.timers.after(SEARCH, () =>
          reject(new Error('the owner of the socket does not answer')),
        )
        findOwner(environment, key, signal, (pipe) => {
          stop()
          resolve(pipe)
        })
      }),
  }
}
