import type { RecorderContext } from '../inspect/context.js'
import type { CheckedRules } from '../invalidation/checked-rules.js'
import { clearClient, fetchEmptied } from '../invalidation/clear.js'
import type { PendingChanges } from '../invalidation/pending.js'
import type { Receipt } from '../invalidation/receipt.js'
import { isPage } from '../platform/environment.js'
import { isServer, type LinePowers, type LoadChunk, linePowers } from '../platform/line-powers.js'
import { createSignOutMarks, watchSignOuts } from '../platform/sign-out-marks.js'
import { createErrors, type Report } from '../util/errors.js'
import { createListeners } from '../util/listeners.js'
import { signOutNameOf } from '../wire/key.js'
import { NOT_CONNECTED } from '../wire/protocol.js'
import { createEarlyWorkers } from './early-workers.js'
import { createEventHandlers } from './event-handlers.js'
import { createInspector } from './inspecting.js'
import type { Line } from './line.js'
import { type LineEnvironment, startHints } from './line-hints.js'
import { createChunkLoader } from './load-chunk.js'
import { type Messages, type SendOver, sendError } from './message.js'
import { authOf, createMounts, type MountedSession } from './mounts.js'
import { createOpener, NOT_OPENED } from './opening.js'
import { type CheckedOptions, type Configuration, configure, type PartylineOptions } from './options.js'
import { createOwnWrites } from './own-writes.js'
import type { Session, SessionFactory } from './session.js'
import { createStatusStore } from './status-store.js'
import type { TopicOptions, TopicState, TopicUse } from './topics.js'

/**
 * Makes a line: what each event makes stale, and how to reach the server. Nothing is opened until `mount`.
 * Never throws: an option that can't work is reported to `onError`.
 */
export function createPartyline<
  Events,
  const Given extends CheckedRules<Given> = object,
  Sends extends Messages = Messages,
>(options: CheckedOptions<Events, Given, Sends>): Line<Events, Sends>
/** @internal */
export function createPartyline<
  Events,
  const Given extends CheckedRules<Given> = object,
  Sends extends Messages = Messages,
>(options: CheckedOptions<Events, Given, Sends>, environment: LineEnvironment | undefined): Line<Events, Sends>
export function createPartyline<
  Events,
  const Given extends CheckedRules<Given> = object,
  Sends extends Messages = Messages,
>(options: CheckedOptions<Events, Given, Sends>, environment?: LineEnvironment): Line<Events, Sends> {
  const powers: RecorderContext['powers'] | undefined =
    environment ?? (isPage() ? linePowers(options.worker) : undefined)
  const now = () => powers?.clock.now() ?? Date.now()
  const errors = createErrors(options.onError, now)
  const hints = startHints(environment, powers, options, errors.report, () => status.get())
  const report = hints?.report ?? errors.report
  const configuration = configure(options as PartylineOptions<never, never>, report)
  const monotonic = () => powers?.clock.monotonic() ?? 0
  let origin: string | undefined
  const getOrigin = () => (origin ??= powers?.id() ?? '')
  const onSubscribed = () => session()?.subscriptionsChanged()
  const status = createStatusStore(now, report)
  const events = createEventHandlers({ report, monotonic, tab: getOrigin, onChanged: onSubscribed })
  const topics = createTopicUses(report, onSubscribed, (...state) => inspector.topic(...state))
  const receipts = createListeners<Receipt>(report, 'onReceipt')
  const after = (ms: number, run: () => void) => powers?.timers.after(ms, run)
  const writes = createOwnWrites({ newSecret: () => powers?.id(), sha256: powers?.sha256, monotonic, after })
  const loadChunk = powers && createChunkLoader(powers, report)
  const opener =
    powers &&
    loadChunk &&
    createOpener({
      powers,
      workers: createEarlyWorkers(powers, configuration),
      preload: () => loadSessionCode(loadChunk),
      async loadFactory(openSharedWorker) {
        const { invalidates = {}, sends = {} } = options
        const own = { environment, powers, openSharedWorker }
        const given = { ...own, invalidates, sends, configuration, loadChunk, report }
        const { createSessionFactory } = await loadSessionCode(loadChunk)
        const factory = await createSessionFactory(given)
        hints?.watch(factory.rules)
        return factory
      },
      report,
      onFailed: status.opening,
      connect,
    })
  const parts = { powers, loadChunk, errors, configuration, status, receipts, topics, tab: getOrigin }
  const inspector = createInspector(options, { ...parts, mounted: () => mounts.current })
  const mounts = createMounts(
    {
      watchSignOuts: createSignOutWatcher(powers, configuration),
      open: (mounted) => opener?.open(mounted) ?? NOT_OPENED,
      onState: status.link,
      onSignedOut: status.signedOut,
      onBegin(client, identity) {
        inspector.belongTo(identity)
        if (configuration.clearOnSwitch) fetchEmptied(client)
        status.begin()
      },
      onEnd: status.idle,
      onIdentityEnd(client, isReplaced) {
        inspector.belongTo('')
        if (configuration.clearOnSwitch) clearClient(client, isReplaced)
      },
    },
    report,
  )

  function session(): Session | undefined {
    const state = mounts.current?.state
    return state?.name === 'open' ? state.session : undefined
  }

  function connect(mounted: MountedSession, url: string, factory: SessionFactory): void {
    if (mounts.endIfSignedOut(mounted)) return
    const session = factory.open({
      url,
      identity: mounted.identity,
      tab: getOrigin(),
      client: mounted.client,
      signOuts: mounted.signOuts,
      logicalClock: writes.logicalClock,
      topics: topics.all,
      handlers: {
        auth: () => authOf(mounted),
        onAsked: inspector.asked,
        events: () => [...new Set([...factory.rules.keys(), ...events.names()])],
        oneTab: events.oneTab,
        isWatched: () => receipts.size > 0,
        onState: (state) => mounts.linkChanged(mounted, state),
        onEvents: (pairs, ...moments) => events.deliver(inspector.events(pairs), factory.rules, ...moments),
        onGap: status.gap,
        onReceipt: receipts.emit,
        onPending: status.pending,
      },
    })
    mounts.opened(mounted, session)
  }

  return {
    mount: powers ? (hints?.mount(mounts.mount) ?? mounts.mount) : createMountNowhere(report),
    get status() {
      return status.get()
    },
    subscribe: status.subscribe,
    on: events.add,
    topic: topics.add,
    send: (...sent: Parameters<SendOver>) =>
      inspector.sent(sent[0], (session()?.send ?? sendNowhere)(...sent)) as never,
    onReceipt: receipts.add,
    onError: errors.add,
    ...inspector.faces,
    pendingChanges: (queryKey) => session()?.pendingChanges(queryKey) ?? NOTHING_PENDING,
    refresh: (queryKey) => session()?.refresh(queryKey),
    get origin() {
      return getOrigin()
    },
    request: writes.run,
    retry: mounts.retry,
    reachable: () => session()?.retry('reachable'),
    signOut: mounts.signOut,
  }
}

/** While no session is open. */
const sendNowhere: SendOver = async (event, _, options) => {
  if (!options?.volatile) throw sendError(event, NOT_CONNECTED)
}

const NOTHING_PENDING: PendingChanges = { count: 0, isUncertain: false, since: undefined }

const loadSessionCode = (loadChunk: LoadChunk) => loadChunk(() => import('./session.js'), 'createSessionFactory')

/** Gives the watch of an identity's sign-outs. */
function createSignOutWatcher(powers: LinePowers | undefined, { name, transport, ...rest }: Configuration) {
  const marks =
    powers?.signOutMarks ?? createSignOutMarks({ openChannel: powers?.openChannel, id: () => powers?.id() ?? '' })
  return (identity: string) =>
    watchSignOuts(marks, signOutNameOf(name, { ...rest, transport: transport.name, identity }))
}

/** What `mount` does where there is no page: a server that renders one has nothing to do. Anything else can't have a line. */
function createMountNowhere(report: Report): Line<unknown>['mount'] {
  let isReported = false
  return () => {
    if (!isReported && !isServer()) {
      report('no-host', 'a line needs a page: here is no document, as in React Native or in a worker')
    }
    isReported = true
    return () => undefined
  }
}

/** The topics that the app uses in this tab. They outlast sessions. */
function createTopicUses(
  report: Report,
  onChanged: () => void,
  onState: (name: string, state: TopicState | { readonly name: 'left'; readonly reason?: undefined }) => void,
) {
  const all = new Set<TopicUse>()
  return {
    all,
    add(name: string, options: TopicOptions = {}): () => void {
      const states = createListeners<TopicState>(report, `topic ${name}`)
      if (options.onState) states.add(options.onState)
      states.add((state) => onState(name, state))
      const use = { name, queryKeys: options.queryKeys, onState: states.emit }
      all.add(use)
      onChanged()
      return () => {
        if (!all.delete(use)) return
        onState(name, { name: 'left' })
        onChanged()
      }
    },
  }
}
