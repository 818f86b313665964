import type { QueryClientSlice } from '../invalidation/query-client.js'
import type { Receipt, ServerEvent } from '../invalidation/receipt.js'
import { pageView } from '../platform/page-view.js'
import { PartylineError, type PartylineErrorCode } from '../util/errors.js'
import type { Simulation } from '../wire/hub-calls.js'
import { type CredentialsAnswer, type EventPair, isMetadata, type Metadata } from '../wire/protocol.js'
import type { Gap, Status } from '../wire/status.js'
import type { RecorderContext, SessionInside, TopicView } from './context.js'
import { explainEvent } from './explain.js'
import { watchFetches } from './fetches.js'
import { createHubRecords } from './hub-records.js'
import type { ErrorInspection, Explanation, Inspection, LineRecord, TabRecord } from './inspection.js'
import { plain, plainMessages, plainText } from './plain.js'
import { takeSnapshot } from './snapshot.js'
import { createTallies } from './tallies.js'

const MAX_RECORDS = 500
const MAX_ERRORS = 50
/** Whom an error names that a listener of records has thrown. It is no record: the listener might throw at that, too. */
const LISTENER = 'onRecord'

/** What a line tells its recorder, and asks of it. */
export interface Recorder {
  /** The session received events. */
  events(pairs: readonly EventPair[]): void
  /** The hub asked for credentials. */
  asked(answer: Promise<CredentialsAnswer>): void
  /** The app has sent an event. */
  sent(event: string, answer: Promise<unknown>): void
  /** The state of a topic in this tab has changed. */
  topic(name: string, state: TopicView): void
  /** The identity has ended, and what is recorded of it goes. */
  forget(): void
  onRecord(listener: (record: LineRecord) => void): () => void
  /** Prints a line for each record on the console. */
  debug(): Promise<unknown>
  inspect(): Promise<Inspection>
  explain(event: string, metadata: unknown): readonly Explanation[]
  simulate(simulation: Simulation): Promise<void>
  emitLocal(event: string, metadata: unknown): Promise<void>
}

/**
 * Records what happens to a line from now on, for good: a report is wanted when something has gone wrong already. It keeps the last
 * 500 records, and asks the hub for its own only while somebody listens. A chunk of its own: an app that nobody inspects does not
 * load it.
 */
export function createRecorder(context: RecorderContext): Recorder {
  const { powers, status, mounted, topics } = context
  const { clock, page = pageView } = powers
  const records = createRecords(context)
  const errors = createErrorTable()
  const tallies = createTallies({ now: clock.now, client: () => mounted()?.client, tools })
  const fetches = createFetchWatch(clock.monotonic, tallies.fetched, records.own)
  let tellStatus = createStatusTeller(status, records.own)
  const topicStates = createTopicTeller(topics, records.own)
  const hub = createHubRecords({
    powers,
    inside,
    isWanted: () => records.listeners() > 0 && page.isVisible(),
    onRecord: records.add,
  })

  function inside(): SessionInside | undefined {
    const state = mounted()?.state
    return state?.name === 'open' ? state.session?.inside : undefined
  }

  function tools() {
    const session = inside()
    return session && { ...session, ...session.invalidator }
  }

  /** With each change of the status, something else may be mounted. */
  function sync(): void {
    const now = mounted()
    fetches.watch(now?.state.name === 'signed-out' ? undefined : now?.client)
    const session = inside()
    if (session) tallies.watch(session.rules)
    tellStatus()
  }

  function onRecord(listener: (record: LineRecord) => void): () => void {
    const stop = records.listen(listener)
    hub.start()
    return () => {
      stop()
      if (records.listeners() === 0) hub.stop()
    }
  }

  context.errors.kept().forEach(errors.add)
  context.errors.tap((error) => {
    const { code, message, detail } = errors.add(error)
    if (detail['event'] !== LISTENER) records.own({ from: 'tab', kind: 'error', code, message, detail })
  })
  status.subscribe(sync)
  context.receipts.add((receipt) => {
    const skippedBy = tallies.receipt(receipt)
    const why = skippedBy.length > 0 ? { skippedBy } : {}
    records.own({ from: 'tab', kind: 'receipt', receipt: plainReceipt(receipt), ...why })
  })
  sync()

  return {
    events(pairs) {
      sync()
      const rules = inside()?.rules
      tallies.received(pairs.length)
      for (const pair of pairs) {
        const isMapped = rules?.has(pair[0]) === true
        records.own({ from: 'tab', kind: 'event', event: plain(eventOf(pair)), isMapped })
      }
    },
    asked(answer) {
      const of = mounted()
      records.own({ from: 'tab', kind: 'credentials', step: 'asked' })
      void answer.then(({ ok, ...given }) => {
        if (mounted() !== of) return
        const expiry = 'expiresAt' in given && given.expiresAt !== undefined ? { expiresAt: given.expiresAt } : {}
        records.own({ from: 'tab', kind: 'credentials', step: ok ? 'given' : 'failed', ...expiry })
      })
    },
    sent: createSendTeller(mounted, clock.monotonic, records.own),
    topic: topicStates.changed,
    forget() {
      records.forget()
      errors.forget()
      tallies.forget()
      hub.forget()
      topicStates.forget()
      // Nothing of what it fetches is told to the next one.
      fetches.watch(undefined)
      tellStatus = createStatusTeller(status, records.own, status.get().lastGap)
    },
    onRecord,
    debug: () =>
      context.loadChunk(() => import('./console.js'), 'printRecord').then((code) => onRecord(code.printRecord)),
    async inspect() {
      const [of, answer] = [mounted(), await hub.pull()]
      return takeSnapshot({
        context,
        page,
        inside: inside(),
        tallies,
        tools: tools(),
        errors: errors.all(),
        topics: [...new Set([...topics.all].map(({ name }) => name))],
        hub: mounted() === of ? answer : undefined,
        records: records.kept(),
      })
    },
    explain(event, metadata) {
      const session = tools()
      if (!session) return []
      const copy = session.compileRule(event, context.invalidates?.[event], () => undefined)
      const explained = { event, metadata, rule: session.rules.get(event), copy }
      return explainEvent(explained, mounted()?.client.getQueryCache().getAll() ?? [], session)
    },
    ...createActor(context, inside),
  }
}

/** Acts on the session of whoever is mounted, once its code is there. */
function createActor(
  { status, mounted, tab }: RecorderContext,
  inside: () => SessionInside | undefined,
): Pick<Recorder, 'simulate' | 'emitLocal'> {
  async function opened(): Promise<SessionInside> {
    for (let state = mounted()?.state.name; state === 'opening'; state = mounted()?.state.name) {
      // An open session looks for a hub, and its status says so.
      await new Promise<void>((resolve) => {
        const stop = status.subscribe(() => {
          stop()
          resolve()
        })
      })
    }
    const session = inside()
    if (!session) throw new PartylineError('not-mounted', 'nobody is signed in: mount the line for an identity first')
    return session
  }

  return {
    async simulate(simulation) {
      const session = await opened()
      if (!(await session.link.simulate(simulation)))
        throw new Error(`'${simulation.name}' was not simulated: the hub does not answer, or can't do it as it stands`)
    },
    async emitLocal(event, metadata) {
      const { receive, events } = await opened()
      if (!events().some((name) => name === event || name === '*'))
        throw new PartylineError('unknown-event', `no rule and no handler of this tab knows '${event}'`, {
          detail: { event },
        })
      const copy = asSent(metadata)
      if (copy === null)
        throw new PartylineError('bad-metadata', `the metadata of '${event}' is no JSON`, { detail: { event } })
      receive([[event, copy, { one: [tab(), tab()] }]])
    },
  }
}

/** As JSON would have brought it; null where it can't. */
function asSent(metadata: unknown = {}): Metadata | null {
  try {
    const copy: unknown = JSON.parse(JSON.stringify(metadata))
    return isMetadata(copy) ? copy : { value: copy }
  } catch {
    return null
  }
}

const eventOf = ([name, metadata, envelope]: EventPair): ServerEvent => ({
  name,
  metadata: metadata ?? {},
  ...(envelope?.trace !== undefined && { trace: envelope.trace }),
})

/** Each of its events and keys by itself: of a burst, nothing is cut. */
const plainReceipt = (receipt: Receipt): Receipt =>
  Object.fromEntries(
    Object.entries(receipt).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map((one) => plain(one)) : value,
    ]),
  ) as unknown as Receipt

const isSameStatus = (one: Status, other: Status): boolean =>
  one.name === other.name &&
  one.reason === other.reason &&
  one.host === other.host &&
  one.role === other.role &&
  one.tabs === other.tabs

type Unnumbered<R> = R extends unknown ? Omit<R, 'n'> : never

/** The last records, and who listens to them. */
function createRecords({ powers, errors: { report }, createListeners }: RecorderContext) {
  const listeners = createListeners<LineRecord>(report, LISTENER)
  let kept: readonly LineRecord[] = []
  let count = 0

  function add(record: Unnumbered<LineRecord>): void {
    const numbered = { ...record, n: ++count } as LineRecord
    kept = [...kept.slice(1 - MAX_RECORDS), numbered]
    listeners.emit(numbered)
  }

  return {
    add,
    own: (record: TabRecord) => add({ ...record, at: powers.clock.now() }),
    kept: () => kept,
    listeners: () => listeners.size,
    /** The kept ones first. */
    listen(listener: (record: LineRecord) => void): () => void {
      const alone = createListeners<LineRecord>(report, LISTENER)
      alone.add(listener)
      kept.forEach(alone.emit)
      return listeners.add(listener)
    },
    forget(): void {
      kept = []
    },
  }
}

/** Creates the function that tells what has changed in the status. Most of it at first. */
function createStatusTeller(status: RecorderContext['status'], onRecord: (record: TabRecord) => void, toldGap?: Gap) {
  let last: Status | undefined
  return () => {
    const before = last
    last = status.get()
    const { name, reason, host, role, tabs, lastGap } = last
    if (!before || !isSameStatus(before, last))
      onRecord({ from: 'tab', kind: 'status', name, reason: reason && plainText(reason), host, role, tabs })
    if (lastGap && lastGap !== (before?.lastGap ?? toldGap))
      onRecord({ from: 'tab', kind: 'gap', ...plainMessages(lastGap) })
  }
}

/** Tells each change of a topic once, however many uses it has in this tab. It is left by the last one. */
function createTopicTeller({ all }: RecorderContext['topics'], onRecord: (record: TabRecord) => void) {
  const told = new Map<string, string>()
  return {
    changed(topic: string, { name: step, reason }: TopicView): void {
      const text = `${step} ${reason}`
      const isUsed = [...all].some(({ name }) => name === topic)
      if (told.get(topic) === text || (step === 'left' && isUsed)) return
      told.set(topic, text)
      onRecord({ from: 'tab', kind: 'topic', topic, step, ...(reason !== undefined && { reason: plainText(reason) }) })
    },
    forget: () => told.clear(),
  }
}

/** Tells what became of each event that the app sent, unless its identity has ended. */
function createSendTeller(
  mounted: RecorderContext['mounted'],
  monotonic: () => number,
  onRecord: (record: TabRecord) => void,
): Recorder['sent'] {
  return (event, answer) => {
    const [of, begunAt] = [mounted(), monotonic()]
    const settled = (outcome: 'ok' | PartylineErrorCode) => {
      const durationMs = monotonic() - begunAt
      if (mounted() === of) onRecord({ from: 'tab', kind: 'send', event: plainText(event), outcome, durationMs })
    }
    void answer.then(
      () => settled('ok'),
      ({ code }: PartylineError) => settled(code),
    )
  }
}

/** Watches the fetches of one client at a time. */
function createFetchWatch(monotonic: () => number, onBegin: () => void, onRecord: (record: TabRecord) => void) {
  let watched: QueryClientSlice | undefined
  let stop: (() => void) | undefined
  return {
    watch(client: QueryClientSlice | undefined): void {
      if (watched === client) return
      stop?.()
      watched = client
      stop = client && watchFetches({ client, monotonic, onBegin, onRecord })
    },
  }
}

/** Keeps one entry for each code and subject, the last one last. */
function createErrorTable() {
  const entries = new Map<string, ErrorInspection>()
  return {
    add({ code, message, detail, at }: PartylineError): ErrorInspection {
      const { event, topic, host, option } = detail
      const subject = `${code} ${String(event ?? topic ?? host ?? option ?? '')}`
      const { count = 0, firstAt = at } = entries.get(subject) ?? {}
      const told = { message: plainText(message), detail: plainMessages(detail) }
      const entry = { code, ...told, count: count + 1, firstAt, lastAt: at }
      entries.delete(subject)
      entries.set(subject, entry)
      const [oldest] = entries.keys()
      if (oldest !== undefined && entries.size > MAX_ERRORS) entries.delete(oldest)
      return entry
    },
    all: (): readonly ErrorInspection[] => [...entries.values()],
    forget: () => entries.clear(),
  }
}
