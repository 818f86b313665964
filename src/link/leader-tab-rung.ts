import type { Elector, Leadership } from '../election/elector.js'
import type { Served } from '../hub/serve.js'
import type { TabEnvironment } from '../platform/page.js'
import { afterSilence } from '../platform/timeouts.js'
import { messageOf } from '../util/errors.js'
import type { Endpoint } from '../wire/endpoint.js'
import { findOwner } from './find-owner.js'
import { NotSupportedError, type Rung } from './rungs.js'
import { type LoadHub, loadInTime, openPipeTo } from './this-tab-rung.js'

/** How long one search for the owner lasts, in turns of this tab's own thread. */
const SEARCH_MS = 2_000
/** After so many searches without a result, every tab suspects the owner of hanging. */
const MAX_SEARCHES = 3
/** The same for a tab that a hub has not answered: a task of several seconds is no hang. */
const MAX_SEARCHES_AFTER_TIMEOUT = 2
/** A tab steals the leadership so many times at most within the window, each time after a random pause. */
const MAX_STEALS = 2
const STEAL_WINDOW_MS = 60_000
const MAX_STEAL_PAUSE_MS = 500

/** This tab's part in the election. `controller` ends the campaign or the leadership. */
type LeadershipState =
  | { readonly name: 'idle' }
  | { readonly name: 'campaigning'; readonly controller: AbortController }
  | { readonly name: 'leading'; readonly controller: AbortController; readonly served: Promise<Served> }

interface LeaderTabOptions {
  readonly environment: TabEnvironment
  readonly key: string
  readonly elector: Elector
  readonly load: LoadHub
}

/**
 * The hub in one of the tabs. This tab campaigns for the leadership and, as long as another one leads, follows it over the
 * channel. Once elected it runs the hub itself.
 */
export function leaderTabRung(options: LeaderTabOptions): Rung {
  const { environment } = options
  const { timers, page, clock, random } = environment
  let onElected: () => void = () => undefined
  const leadership = createLeadership(options, () => onElected())
  let steals: number[] = []

  /** Only a visible tab steals, only from an owner that failed it, and not again and again. */
  function maySteal(): boolean {
    steals = steals.filter((at) => clock.monotonic() - at < STEAL_WINDOW_MS)
    return steals.length < MAX_STEALS
  }

  function stealSoon(search: AbortSignal): void {
    steals.push(clock.monotonic())
    timers.after(random() * MAX_STEAL_PAUSE_MS, () => {
      // Found, or elected, meanwhile.
      if (!search.aborted && !leadership.served()) leadership.steal()
    })
  }

  /** Waits for the search to end; asks again, and suspects the owner when that takes too long. */
  function watchSearch(
    search: AbortSignal,
    hubTimedOut: boolean,
    askAgain: () => void,
    onGivenUp: (reason: Error) => void,
  ): void {
    const maxSearches = hubTimedOut ? MAX_SEARCHES_AFTER_TIMEOUT : MAX_SEARCHES
    let searches = 0
    const wait = (): (() => void) =>
      afterSilence(
        environment,
        () => 0,
        SEARCH_MS,
        () => {
          searches++
          // Hidden tabs have time: a visible one settles it for all.
          if (searches >= maxSearches && page.isVisible()) {
            if (!maySteal())
              return onGivenUp(new Error('no owner of the socket answered, and this tab was not elected'))
            stealSoon(search)
          }
          askAgain()
          cancel = wait()
        },
      )
    let cancel = wait()
    search.addEventListener('abort', () => cancel())
  }

  async function openOwnHub(loading: Promise<Served>): Promise<Endpoint> {
    const served = await loading.catch((thrown: unknown) => {
      throw new Error(`the hub could not be loaded: ${messageOf(thrown)}`, { cause: thrown })
    })
    return openPipeTo(environment, served)
  }

  return {
    host: 'leader-tab',
    open({ signal, hubTimedOut, fail }) {
      if (!environment.openChannel) {
        return Promise.reject(new NotSupportedError('this browser has no BroadcastChannel'))
      }
      const search = new AbortController()
      signal.addEventListener('abort', () => search.abort())
      return new Promise<Endpoint>((resolve, reject) => {
        const settle = (endpoint: Endpoint | Promise<Endpoint>) => {
          search.abort()
          resolve(endpoint)
        }
        onElected = () => {
          const served = leadership.served()
          if (served) settle(openOwnHub(served))
        }
        leadership.campaign()
        onElected()
        const askAgain = findOwner(options, search.signal, (endpoint) => {
          // Elected while it follows: the owner is gone, whether or not that has shown yet.
          onElected = () => fail('this tab was elected')
          settle(endpoint)
        })
        if (!search.signal.aborted) watchSearch(search.signal, hubTimedOut, askAgain, reject)
      })
    },
    release: leadership.release,
    ...(options.load.preload && { preload: options.load.preload }),
  }
}

/** Campaigns for the leadership, and runs the hub as long as this tab has it. */
function createLeadership({ environment, elector, load }: LeaderTabOptions, onElected: () => void) {
  let state: LeadershipState = { name: 'idle' }

  function release(): void {
    if (state.name === 'idle') return
    const former = state
    state = { name: 'idle' }
    former.controller.abort()
    if (former.name !== 'leading') return
    void former.served.then(
      (hub) => hub.close(),
      () => undefined,
    )
  }

  function run(elect: Elector['campaign']): void {
    const controller = new AbortController()
    state = { name: 'campaigning', controller }
    const end = () => {
      if (state.name !== 'idle' && state.controller === controller) release()
    }
    elect(controller.signal).then((leadership) => {
      if (controller.signal.aborted) return
      leadership.lost.addEventListener('abort', end)
      const served = loadInTime(environment, load, electorWithin(leadership, controller.signal, end))
      state = { name: 'leading', controller, served }
      // Another tab may be able to load a chunk that this one can't.
      served.catch(end)
      onElected()
    }, end)
  }

  return {
    /** The hub, while this tab leads. */
    served: () => (state.name === 'leading' ? state.served : undefined),
    campaign(): void {
      if (state.name === 'idle') run(elector.campaign)
    },
    steal(): void {
      release()
      run(elector.steal)
    },
    release,
  }
}

/** The hub's own elector: the tab holds the leadership already, and gives it up when the hub does. */
function electorWithin({ lost }: Leadership, held: AbortSignal, onGivenUp: () => void): Elector {
  const campaign = async (signal: AbortSignal): Promise<Leadership> => {
    // A hub that wakes from a hang must not go on in a leadership that it has lost meanwhile.
    if (lost.aborted || held.aborted) throw new Error('the leadership is over')
    signal.addEventListener('abort', onGivenUp)
    return { lost }
  }
  return { campaign, steal: campaign }
}
