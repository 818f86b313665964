import type { HubEnvironment } from '../platform/environment.js'
import { type EventPair, type Metadata, type Nudge, RESERVED } from '../wire/protocol.js'
import { createBadFrames } from './bad-frames.js'
import { type ConnectionOptions, createConnection } from './connection.js'
import { createCredentialsSource } from './credentials.js'
import { createCursor } from './cursor.js'
import { createEventReader } from './normalize-event.js'
import { createRecovery, type OnDecided } from './recovery.js'
import { createRenewal } from './renewal.js'
import { createHubSends } from './sends.js'
import { createServerMessages, SERVER_MESSAGE } from './server-messages.js'
import type { AttachedTab, TabRegistry } from './tab-registry.js'
import { createTopicMemberships } from './topics.js'

/** What comes to a hub from the side of the server. */
export interface UpstreamHandlers {
  /** An event for the tabs. */
  onEvent(event: EventPair): void
  /** It is known now whether events were missed before this moment. */
  readonly onDecided: OnDecided
  /** The state of the connection has changed. */
  onState(): void
  /** No tab can give credentials, so another hub should own the connection. */
  onNoTrustedTab(): void
}

export interface UpstreamOptions extends Pick<ConnectionOptions, 'settings' | 'openTransport' | 'log' | 'wasRefused'> {
  readonly environment: HubEnvironment
  readonly tabs: TabRegistry
  /** Tabs are asked for credentials only after it: the first one is not attached sooner. */
  readonly ready: Promise<unknown>
  readonly handlers: UpstreamHandlers
}

export type Upstream = ReturnType<typeof createUpstream>

/** The hub's side toward the server: the connection, its credentials, and what the server sends over it. */
export function createUpstream(options: UpstreamOptions) {
  const { environment, settings, tabs, log, ready, handlers } = options
  const { clock, timers } = environment
  const credentials = createCredentialsSource({
    tabs,
    log,
    timers,
    timeoutMs: settings.authTimeoutMs,
    onNoTrustedTab: handlers.onNoTrustedTab,
  })
  const cursor = createCursor()
  const recovery = createRecovery(environment, cursor, handlers.onDecided, () => sends.vouched())
  const topics = createTopicMemberships({
    ...options,
    send: (event, metadata) => connection.send(event, metadata),
  })
  const renewal = createRenewal({
    environment,
    log,
    ask: credentials.get,
    onRenewed: (auth) =>
      void connection.renew(withIdentity(auth)).then((answer) => {
        if (answer) log.add('credentials', answer)
        if (answer === 'accepted') topics.retryRefused()
        // The server can't judge now. It is asked again before it ends the connection.
        else if (answer === 'unavailable') renewal.plan(clock.now())
      }),
    onTrouble: (message) => tabs.postToAll({ kind: 'problem', code: 'auth-failed', message }),
  })
  const serverMessages = createServerMessages(environment, {
    onReplayed: recovery.replayed,
    onCursor: cursor.start,
    onQuiet: recovery.quiet,
    onGap: recovery.lost,
    onMove: () => connection.move(),
    onTopic: topics.readMessage,
    onIdentity(identity) {
      if (identity !== settings.identity) connection.refuseIdentity('it says that it has let somebody else in')
      else sends.vouched()
    },
  })
  const badFrames = createBadFrames(environment, {
    onReport: (message) => tabs.reportToOneTab('bad-frame', message),
    onGap: () => recovery.missed('a frame of the server could not be read'),
  })

  const readEvent = createEventReader({ ...options, cursor, onEvent: handlers.onEvent, onUnreadable: badFrames.add })

  /** Either side compares whose connection it is: this is the hub's half. */
  const withIdentity = (auth: Metadata | undefined): Metadata => ({
    ...auth,
    [RESERVED]: { identity: settings.identity },
  })

  const connection = createConnection({
    ...options,
    handlers: {
      async auth() {
        await ready
        const { auth, expiresAt } = await credentials.get()
        renewal.plan(expiresAt)
        return withIdentity(recovery.offer(auth))
      },
      onState(state) {
        // Every attempt asks for credentials of its own.
        if (state.name !== 'connected') renewal.cancel()
        handlers.onState()
      },
      onProblem: (problem) => tabs.postToAll({ kind: 'problem', ...problem }),
      onUp(recovered) {
        serverMessages.moved()
        sends.up()
        recovery.up(recovered)
        topics.up(recovered)
      },
      onDown() {
        recovery.down()
        topics.down()
        sends.down()
      },
      onPing: recovery.pinged,
      onRefused: credentials.refused,
      onUnauthorized: credentials.giveUp,
      onHeld: credentials.accepted,
      onEvent(name, metadata, reserved) {
        if (name === SERVER_MESSAGE) serverMessages.read(metadata)
        else readEvent(name, metadata, reserved)
      },
      onBadFrame: badFrames.add,
    },
  })

  const sends = createHubSends({ environment, tabs, speaker: connection.speaker })

  return {
    connection,
    topics,
    ...createTabSide({ clock: environment.clock, connection, credentials, topics, sends }),
    /** Connected, and it is known what was missed before. */
    isCurrent: () => connection.state().name === 'connected' && !recovery.isDeciding,
    inspect: () => ({ ...connection.inspect(), renewalInMs: renewal.inMs(), topics: topics.inspect() }),
    missed: recovery.missed,
    close(): void {
      connection.close()
      serverMessages.close()
      badFrames.close()
      topics.close()
      sends.close()
      recovery.down()
      renewal.cancel()
    },
  }
}

/** What comes to the server's side of a hub from that of its tabs. */
function createTabSide({ clock, connection, credentials, topics, sends }: TabSideParts) {
  return {
    calls: { credentials: credentials.answer, send: sends.send },
    /** Some tab is no longer attached. */
    tabLeft(): void {
      topics.update()
      sends.tabLeft()
    },
    /** A tab has attached. Its credentials may do where those of others did not. */
    attached(tab: AttachedTab): void {
      topics.update()
      credentials.prefer(tab)
      const { name } = connection.state()
      if (name === 'unauthorized' || name === 'wrong-identity') connection.nudge('mount')
    },
    nudge(why: Nudge, tab: AttachedTab | undefined): void {
      if (tab && why === 'visible')
        credentials.seen(Object.assign(tab, { shownAt: clock.monotonic(), hiddenAt: undefined }))
      else if (tab && (why === 'mount' || why === 'retry')) credentials.prefer(tab)
      connection.nudge(why)
    },
  }
}

interface TabSideParts extends Pick<HubEnvironment, 'clock'> {
  readonly connection: ReturnType<typeof createConnection>
  readonly credentials: ReturnType<typeof createCredentialsSource>
  readonly topics: ReturnType<typeof createTopicMemberships>
  readonly sends: ReturnType<typeof createHubSends>
}
