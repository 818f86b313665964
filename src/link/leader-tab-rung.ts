import type { Elector, Leadership } from '../election/elector.js'
import type { Served } from '../hub/serve.js'
import type { TabEnvironment } from '../platform/page.js'
import { messageOf } from '../util/errors.js'
import type { Endpoint } from '../wire/endpoint.js'
import { findOwner } from './find-owner.js'
import { NotSupportedError, type Rung } from './rung.js'

/** How long (ms) an owner may take to show itself before it is suspected to hang. */
const SEARCH = 2_000
/** After so many searches in vain the owner is suspected, even by a tab that it has never failed. */
const PATIENCE = 3
/** A hung owner is deposed so many times at most within this time (ms), after a random pause of up to `pause` (ms). */
const DEPOSE = { most: 2, within: 60_000, pause: 500 }

/** Loads the hub's code; a chunk of its own, that a tab which never leads does not fetch. */
export type LoadHub = (elector: Elector) => Promise<Served>

/**
 * The hub in one of the tabs. This tab stands for election and, as long as another one leads, follows it over the
 * channel; once elected it runs the hub itself.
 */
export function leaderTabRung(environment: TabEnvironment, key: string, elector: Elector, load: LoadHub): Rung {
  const { timers, page, clock, random } = environment
  let term: AbortController | undefined
  let served: Promise<Served> | undefined
  let onElected: () => void = () => undefined
  let deposed: number[] = []

  /** The hub's own elector: it is made in an office that is held already, and ends with it. */
  const inOffice = (mine: AbortController, { lost }: Leadership): Elector => {
    const campaign = async (signal: AbortSignal): Promise<Leadership> => {
      // A hub that wakes from a hang must not go on in an office that it has lost meanwhile.
      if (lost.aborted || mine.signal.aborted) throw new Error('the office is over')
      signal.addEventListener('abort', () => release(mine))
      return { lost }
    }
    return { campaign, steal: campaign }
  }

  function take(mine: AbortController, office: Leadership): void {
    if (mine.signal.aborted) return
    office.lost.addEventListener('abort', () => release(mine))
    served = load(inOffice(mine, office))
    // A chunk that can't be loaded: somebody else may be able to.
    served.catch(() => release(mine))
    onElected()
  }

  function stand(by: Elector): AbortController {
    if (term) return term
    const mine = new AbortController()
    term = mine
    by.campaign(mine.signal).then(
      (office) => take(mine, office),
      () => release(mine),
    )
    return mine
  }

  function release(mine: AbortController | undefined): void {
    if (!mine || term !== mine) return
    term = undefined
    mine.abort()
    void served?.then(
      (hub) => hub.close(),
      () => undefined,
    )
    served = undefined
  }

  /** Only for a tab that somebody looks at, that has seen the owner fail, and not again and again. */
  function mayDepose(hung: boolean): boolean {
    deposed = deposed.filter((at) => clock.now() - at < DEPOSE.within)
    return hung && page.isVisible() && deposed.length < DEPOSE.most
  }

  /** `over`: an owner has been found meanwhile. */
  function depose(by: Elector, over: AbortSignal): void {
    deposed.push(clock.now())
    timers.after(random() * DEPOSE.pause, () => {
      if (over.aborted || served) return
      release(term)
      const mine = new AbortController()
      term = mine
      by.steal(mine.signal).then(
        (office) => take(mine, office),
        () => release(mine),
      )
    })
  }

  async function ownPipe(hub: Promise<Served>): Promise<Endpoint> {
    const { port1, port2 } = environment.openPipe()
    const served = await hub.catch((thrown: unknown) => {
      throw new Error(`the hub could not be loaded: ${messageOf(thrown)}`, { cause: thrown })
    })
    served.connect(port2)
    return port1
  }

  return {
    host: 'leader-tab',
    open(visit) {
      if (!environment.openChannel) {
        return Promise.reject(new NotSupportedError('this browser has no BroadcastChannel'))
      }
      const search = new AbortController()
      const over = () => search.abort()
      visit.signal.addEventListener('abort', over)
      return new Promise<Endpoint>((resolve, reject) => {
        let searches = 0
        const wait = (): (() => void) =>
          timers.after(SEARCH, () => {
            searches++
            const hung = visit.hung || searches >= PATIENCE
            if (mayDepose(hung)) depose(elector, search.signal)
            else if (hung && page.isVisible()) return reject(new Error('the owner of the socket does not answer'))
            // Unseen tabs have time: one that is looked at will settle it for all.
            stop = wait()
          })
        let stop = wait()
        visit.signal.addEventListener('abort', () => stop())
        const settle = (pipe: Endpoint | Promise<Endpoint>) => {
          stop()
          search.abort()
          resolve(pipe)
        }
        const lead = () => served && settle(ownPipe(served))
        onElected = lead
        stand(elector)
        lead()
        findOwner(environment, key, search.signal, (pipe) => {
          // Elected while it follows: the owner is gone, whether or not that has shown yet.
          onElected = () => visit.fail('this tab was elected')
          settle(pipe)
        })
      })
    },
    release: () => release(term),
  }
}
