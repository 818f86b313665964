import type { HubEnvironment } from '../platform/environment.js'
import type { OpenTransport } from '../transport/transport.js'
import type { EventPair, Settings } from '../wire/protocol.js'
import { createConnection } from './connection.js'
import { createCredentialsSource } from './credentials.js'
import { createCursor } from './cursor.js'
import { createEventNormalizer } from './normalize-event.js'
import { createRecovery } from './recovery.js'
import { createRenewal } from './renewal.js'
import { createServerMessages, SERVER_MESSAGE } from './server-messages.js'
import type { TabRegistry } from './tab-registry.js'
import { createTopicMemberships } from './topics.js'

/** What comes to a hub from the side of the server. */
export interface UpstreamHandlers {
  /** An event for the tabs. */
  onEvent(event: EventPair): void
  /** It is known now whether events were missed before this moment. */
  onDecided(unbroken: boolean, reason: string): void
  /** The state of the connection has changed. */
  onState(): void
  /** No tab can give credentials, so another hub should own the connection. */
  onNoTrustedTab(): void
}

export interface UpstreamOptions {
  readonly environment: HubEnvironment
  readonly settings: Settings
  readonly openTransport: OpenTransport
  readonly tabs: TabRegistry
  /** Tabs are asked for credentials only after it: the first one is not attached sooner. */
  readonly ready: Promise<unknown>
  readonly handlers: UpstreamHandlers
}

/** The hub's side toward the server: the connection, its credentials, and what the server sends over it. */
export function createUpstream({ environment, settings, openTransport, tabs, ready, handlers }: UpstreamOptions) {
  const { timers, random } = environment
  const credentials = createCredentialsSource({
    tabs,
    timers,
    timeoutMs: settings.authTimeoutMs,
    onNoTrustedTab: handlers.onNoTrustedTab,
  })
  const cursor = createCursor()
  const normalize = createEventNormalizer(tabs, cursor, random)
  const recovery = createRecovery(environment, cursor, handlers.onDecided)
  const topics = createTopicMemberships({
    tabs,
    environment,
    send: (event, metadata) => connection.send(event, metadata),
  })
  const renewal = createRenewal({
    environment,
    ask: credentials.get,
    onRenewed: (auth) => void connection.renew(auth).then(topics.retryRefused),
    onTrouble: (message) => tabs.reportToOneTab('auth-failed', message),
  })
  const serverMessages = createServerMessages(environment, {
    onReplayed: recovery.replayed,
    onCursor: cursor.start,
    onGap: recovery.lost,
    onMove: () => connection.move(),
    onTopic: topics.readMessage,
  })

  const connection = createConnection({
    environment,
    settings,
    openTransport,
    handlers: {
      async auth() {
        await ready
        const { auth, expiresAt } = await credentials.get()
        renewal.plan(expiresAt)
        return recovery.offer(auth)
      },
      onState(state) {
        // Every attempt asks for credentials of its own.
        if (state.name !== 'connected') renewal.cancel()
        handlers.onState()
      },
      onProblem: (code, message) => tabs.postToAll({ kind: 'problem', code, message }),
      onUp(recovered) {
        serverMessages.moved()
        recovery.up(recovered)
        topics.up(recovered)
      },
      onDown() {
        recovery.down()
        topics.down()
      },
      onRefused: credentials.rotate,
      onEvent(name, metadata, reserved) {
        if (name === SERVER_MESSAGE) return serverMessages.read(metadata)
        const event = normalize(name, metadata, reserved)
        if (event) handlers.onEvent(event)
      },
      onBadFrame: (what, count) =>
        tabs.reportToOneTab('bad-frame', `a frame of the server ${what} (${count} of the kind so far)`),
    },
  })

  return {
    connection,
    topics,
    answerCredentials: credentials.answer,
    /** Connected, and it is known what was missed before. */
    isCurrent: () => connection.state().name === 'connected' && !recovery.isDeciding,
    close(): void {
      connection.close()
      serverMessages.close()
      topics.close()
      recovery.down()
      renewal.cancel()
    },
  }
}
