import { createElector } from './election/create-elector.js'
import type { Elector } from './election/elector.js'
import type { Environment } from './environment.js'
import { messageOf, type Report } from './errors.js'
import { createInvalidator } from './invalidation/invalidator.js'
import type { QueryClientSlice } from './invalidation/query-client.js'
import type { Receipt } from './invalidation/receipt.js'
import type { CompiledRule } from './invalidation/rule.js'
import { keyOf } from './key.js'
import { followRung } from './link/follow-link.js'
import { leaderTabRung } from './link/leader-link.js'
import { createLink } from './link/link.js'
import type { LinkState } from './link/link-options.js'
import { sharedWorkerRung } from './link/shared-worker-link.js'
import { type TabHubs, thisTabRung } from './link/this-tab-link.js'
import type { Configuration } from './options.js'
import type { Credentials, EventPair } from './protocol.js'

/** Credentials for the server, asked for at every connection attempt. Plain data. */
export type Auth = () => object | null | undefined | Promise<object | null | undefined>

export interface SessionOptions {
  readonly environment: Environment
  readonly configuration: Configuration
  readonly url: string
  readonly identity: string
  readonly tab: string
  readonly client: QueryClientSlice
  readonly rules: ReadonlyMap<string, CompiledRule>
  readonly hubs: TabHubs
  readonly auth: () => Auth | undefined
  readonly events: () => readonly string[]
  readonly report: Report
  readonly onState: (state: LinkState) => void
  readonly onEvents: (events: readonly EventPair[]) => void
  readonly onGap: (reason: string, until: number) => void
  readonly onReceipt: (receipt: Receipt) => void
  readonly onFenced: () => void
}

/** One identity's stay in this tab: a link and an invalidator, from sign-in to sign-out. */
export interface Session {
  want(): void
  signOut(): void
  close(release: boolean): void
}

export function openSession(options: SessionOptions): Session {
  const { environment, configuration, report } = options
  const { url, identity } = options
  const key = keyOf(configuration.name, url, identity)

  const invalidator = createInvalidator({
    client: options.client,
    rules: options.rules,
    debounce: configuration.debounce,
    jitter: configuration.jitter,
    environment,
    onReceipt: options.onReceipt,
  })

  const load = (host: 'leader-tab' | 'this-tab') => async (elector: Elector) => {
    const { serveInTab } = await import('./hub/in-tab.js')
    return serveInTab(environment, key, host, elector)
  }
  const elector = createElector(environment, key)
  const ladder = [
    sharedWorkerRung(environment.openSharedWorker, key),
    leaderTabRung(environment, key, elector, load('leader-tab')),
    thisTabRung(environment, key, options.hubs, load('this-tab')),
  ]

  const link = createLink({
    environment,
    key,
    tab: options.tab,
    settings: {
      url,
      identity,
      socket: configuration.socket,
      linger: configuration.linger,
      authTimeout: configuration.authTimeout,
    },
    rungs: configuration.host === 'auto' ? ladder : ladder.filter((rung) => rung.host === configuration.host),
    follow: followRung(environment, key),
    events: options.events,
    auth: () => askForCredentials(options.auth(), report),
    report,
    onState(state) {
      if (state.phase === 'signed-out') invalidator.close()
      options.onState(state)
    },
    onEvents(events) {
      invalidator.push(events)
      options.onEvents(events)
    },
    onGap(reason) {
      const until = environment.clock.now()
      invalidator.resync(until, true)
      options.onGap(reason, until)
    },
    // What this page fetched is covered; what it was born with (a restored cache, server rendering) is older.
    onVouched: () => invalidator.resync(environment.clock.origin - 1, false),
    onFenced: options.onFenced,
  })

  return {
    want: link.want,
    signOut() {
      invalidator.close()
      link.signOut()
    },
    close(release) {
      invalidator.close()
      link.close(release)
    },
  }
}

/** The app's answer, brought to plain data: what can't cross to the hub must fail here, where it can be explained. */
async function askForCredentials(auth: Auth | undefined, report: Report): Promise<Credentials> {
  try {
    const answer = await auth?.()
    if (answer === undefined || answer === null) return { ok: true, auth: undefined }
    if (typeof answer !== 'object') throw new TypeError(`auth gave a ${typeof answer}, not an object`)
    return { ok: true, auth: JSON.parse(JSON.stringify(answer)) as Record<string, unknown> }
  } catch (thrown) {
    report('auth-failed', `auth failed: ${messageOf(thrown)}`, { cause: thrown })
    return { ok: false, message: `auth failed: ${messageOf(thrown)}` }
  }
}
