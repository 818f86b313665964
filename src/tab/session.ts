import { createElector } from '../election/create-elector.js'
import type { Elector } from '../election/elector.js'
import { clearClient } from '../invalidation/clear.js'
import { createInvalidator } from '../invalidation/invalidator.js'
import type { LogicalClock } from '../invalidation/logical-clock.js'
import type { QueryClientSlice } from '../invalidation/query-client.js'
import type { Receipt } from '../invalidation/receipt.js'
import type { CompiledRule } from '../invalidation/rule.js'
import type { Sharing, SharingHooks } from '../invalidation/sharing.js'
import { leaderTabRung } from '../link/leader-tab-rung.js'
import { createLink } from '../link/link.js'
import type { LinkState } from '../link/link-options.js'
import { followRung, sharedWorkerRung, type TabHubs, thisTabRung } from '../link/rungs.js'
import type { TabEnvironment } from '../platform/page.js'
import { messageOf, type Report } from '../util/errors.js'
import { keyOf } from '../wire/key.js'
import type { CredentialsAnswer, EventPair } from '../wire/protocol.js'
import type { Configuration } from './options.js'
import { createPolling } from './polling.js'
import { createTopics, type TopicUse } from './topics.js'

/**
 * Credentials for the server, asked for at every connection attempt. Plain data. With a number `expiresAt` in it
 * (milliseconds since the Unix epoch), they are renewed ahead of that.
 */
export type Auth = () => Answer | Promise<Answer>
type Answer = (object & { readonly expiresAt?: unknown }) | null | undefined

export interface SessionOptions {
  readonly environment: TabEnvironment
  readonly configuration: Configuration
  readonly url: string
  readonly identity: string
  readonly tab: string
  readonly client: QueryClientSlice
  readonly rules: ReadonlyMap<string, CompiledRule>
  readonly hubs: TabHubs
  readonly order: LogicalClock
  readonly auth: () => Auth | undefined
  readonly events: () => readonly string[]
  readonly topics: ReadonlySet<TopicUse>
  readonly report: Report
  readonly onState: (state: LinkState) => void
  readonly onEvents: (events: readonly EventPair[]) => void
  readonly onGap: (reason: string, until: number) => void
  readonly onReceipt: (receipt: Receipt) => void
  readonly isWatched: () => boolean
  readonly onLate: () => void
}

type Sharings = NonNullable<Configuration['shareFetches']>

/** One identity's stay in this tab: a link and an invalidator, from sign-in to sign-out. */
export interface Session {
  /** The app's handlers, or its topics, have changed. */
  subscriptionsChanged(): void
  signOut(): void
  close(release: boolean): void
}

export function openSession(options: SessionOptions): Session {
  const { environment, configuration, report } = options
  const { url, identity } = options
  const key = keyOf(configuration.name, url, identity)

  const { shareFetches } = configuration
  const invalidator = createInvalidator({
    client: options.client,
    rules: options.rules,
    debounce: configuration.debounce,
    jitter: configuration.jitter,
    spread: configuration.spread,
    order: options.order,
    environment,
    onReceipt: options.onReceipt,
    isWatched: options.isWatched,
    sharing: shareFetches && ((hooks) => share(hooks, shareFetches)),
  })
  const topics = createTopics({ uses: options.topics, report, onJoined: invalidator.joined })
  const polling = configuration.polling && createPolling(configuration.polling, environment, invalidator.poll)

  /** A chunk of its own: only who asks for it pays for it. */
  async function share(hooks: SharingHooks, { build, timeout }: Sharings): Promise<Sharing | undefined> {
    try {
      const { createSharing } = await import('../invalidation/sharing.js')
      const name = build === '' ? key : `${key}/${build}`
      const version = () => (link.state().tabs > 1 ? link.position() : undefined)
      return createSharing({ ...hooks, name, timeout, client: options.client, environment, version, report })
    } catch (thrown) {
      report('share-failed', `this tab fetches for itself: ${messageOf(thrown)}`, { cause: thrown })
      return undefined
    }
  }

  let left = false
  /** The identity's end in this tab, here or in another one. */
  function leave(): void {
    if (left) return
    left = true
    invalidator.close()
    if (configuration.clearOnSwitch) clearClient(options.client, false)
  }

  const load = (host: 'leader-tab' | 'this-tab') => async (elector: Elector) => {
    const { serveTabHub } = await import('../hub/tab-hub.js')
    return serveTabHub(environment, key, host, elector)
  }
  const elector = createElector(environment, key)
  const ladder = [
    sharedWorkerRung(environment.openSharedWorker, key),
    leaderTabRung({ environment, key, elector, load: load('leader-tab') }),
    thisTabRung({ environment, key, hubs: options.hubs, load: load('this-tab') }),
  ]

  const link = createLink({
    environment,
    key,
    tab: options.tab,
    settings: {
      url,
      identity,
      transport: configuration.transport,
      socket: configuration.socket,
      lingerMs: configuration.linger,
      authTimeoutMs: configuration.authTimeout,
    },
    rungs: configuration.host === 'auto' ? ladder : ladder.filter((rung) => rung.host === configuration.host),
    follow: followRung(environment, key),
    events: options.events,
    topics: topics.names,
    auth: () => askForCredentials(options.auth(), environment.clock.now(), report),
    report,
    onState(state) {
      if (state.phase === 'signed-out') leave()
      // A page that is away can neither fetch nor see.
      const isDown = state.phase === 'seeking' || (state.phase === 'attached' && state.socket?.name !== 'connected')
      if (isDown) polling?.down()
      else polling?.up()
      topics.connected(state.phase === 'attached' && state.socket?.name === 'connected')
      options.onState(state)
    },
    onEvents(events) {
      // Handlers first: they are what somebody waits for. What they fetch comes after the events, though.
      const heard = options.order.next()
      options.onEvents(events)
      invalidator.push(events, heard)
    },
    onGap(reason) {
      const until = environment.clock.now()
      invalidator.resync(until, true)
      options.onGap(reason, until)
    },
    // What this page fetched is covered; what it was born with (a restored cache, server rendering) is older.
    onVouched: () => invalidator.resync(environment.clock.origin - 1, false),
    onTopics: topics.answered,
  })

  return {
    subscriptionsChanged() {
      // A change of page leaves a topic and joins it in the same breath.
      void Promise.resolve().then(() => {
        if (left) return
        topics.update()
        link.subscriptionsChanged()
      })
    },
    signOut() {
      leave()
      link.signOut()
    },
    close(release) {
      left = true
      invalidator.close()
      link.close(release)
    },
  }
}

/** The app's answer, brought to plain data: what can't cross to the hub must fail here, where it can be explained. */
async function askForCredentials(auth: Auth | undefined, now: number, report: Report): Promise<CredentialsAnswer> {
  try {
    const answer = await auth?.()
    if (answer === undefined || answer === null) return { ok: true, auth: undefined }
    if (typeof answer !== 'object') throw new TypeError(`auth gave a ${typeof answer}, not an object`)
    const { expiresAt } = answer
    const ends = typeof expiresAt === 'number' && expiresAt > now
    if (expiresAt !== undefined && !ends) {
      report('bad-option', 'expiresAt of what auth gave has to be a moment to come, in milliseconds since 1970', {
        detail: { option: 'auth.expiresAt' },
      })
    }
    const plain = JSON.parse(JSON.stringify(answer)) as Record<string, unknown>
    return { ok: true, auth: plain, ...(ends && { expiresAt }) }
  } catch (thrown) {
    // What was thrown may quote the credentials (a JSON parser does), and this goes to every tab, over a channel too.
    const message = `auth failed with ${thrown instanceof Error ? thrown.name : typeof thrown}`
    report('auth-failed', message, { cause: thrown })
    return { ok: false, message }
  }
}
