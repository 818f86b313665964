import type { HubEnvironment } from '../platform/environment.js'
import { afterTurns } from '../platform/timeouts.js'
import type { HubInspection } from '../wire/hub-calls.js'
import { type Metadata, RESERVED, type TopicAnswer } from '../wire/protocol.js'
import type { HubLog } from './log.js'
import { readQuietMs } from './server-messages.js'
import type { AttachedTab, TabRegistry } from './tab-registry.js'

/** A topic is left this long after its last tab: a reload and a change of page do not leave and join it. */
const LEAVE_DELAY_MS = 1_000
/** The server has this long to answer a join, before it is asked again. */
const JOIN_TIMEOUT_MS = 5_000
const MAX_JOIN_ATTEMPTS = 3
/** Of the names in one frame, as JSON. Servers limit their frames, some of them to 65,536 bytes. */
const MAX_JOIN_CHARACTERS = 16_000
const NO_ANSWER = `the server has not answered ${MAX_JOIN_ATTEMPTS} times: it seems to have no topics`
const NO_TOPICS = 'this connection only receives, so it has no topics'
/** What was refused or not answered is asked again now and then: a right may come, and a server's database come back. */
const RETRY_PAUSE_MS = { first: 60_000, max: 600_000 }
/** The same where the server said that it can't tell now. */
const UNAVAILABLE_PAUSE_MS = 10_000

/** Since when a topic has been joined without a break: milliseconds of the monotonic clock. Before that it was quiet for so long. */
interface Joined {
  readonly at: number
  readonly quietForMs?: number
}
type TopicOutcome = Extract<TopicAnswer, { ok: false }> | ({ readonly topic: string; readonly ok: true } & Joined)

type MembershipState =
  /**
   * No connection. `wasAsked`: the server may still have this browser in the topic. `joined`: since when it was joined, over
   * all connections that the transport recovered.
   */
  | { readonly name: 'offline'; readonly wasAsked: boolean; joined?: Joined | undefined }
  /** The server has not answered the join of that number; an answer to any other number is too late. */
  | {
      readonly name: 'joining'
      readonly request: number
      readonly joined?: Joined | undefined
      /** What the tabs were told before, where it is asked again. */
      readonly told?: TopicOutcome | undefined
    }
  | { readonly name: 'answered'; readonly request: number; readonly answer: TopicOutcome }

interface Membership {
  state: MembershipState
  /** No tab uses the topic any more: it is left soon. This calls it off. */
  cancelLeave?: (() => void) | undefined
}

export interface TopicMembershipsOptions {
  readonly tabs: TabRegistry
  readonly log: HubLog
  readonly environment: Pick<HubEnvironment, 'timers' | 'clock' | 'random'>
  /** False: the transport only receives. */
  readonly send: (event: string, metadata: Metadata) => boolean
}

/**
 * Joins at the server what any tab uses: it learns of the first tab and of the last. After every connection all topics are
 * joined again, since nobody here can see what the server still knows, and joining twice changes nothing.
 *
 * Events between a tab's fetch and the join may be missed. So every tab that uses a topic is told since when it has been
 * joined without a break, and takes what it asked for before that for stale. The moment is that of the server's answer,
 * which comes after it has let this browser in. It stays the same only where the transport itself has recovered the
 * connection, rooms and missed events included. With it goes for how long the server says that the topic was quiet before: what
 * was fetched in that time lacks none of its events. A replay from the cursor does not keep it: the server replays before it
 * knows of the topics. All tabs of a browser receive everything, so a tab that joins later than others has nothing to fetch.
 */
export function createTopicMemberships({ tabs, log, environment, send }: TopicMembershipsOptions) {
  const { timers, clock } = environment
  const memberships = new Map<string, Membership>()
  let isUp = false
  let lastRequest = 0
  const retry = createTopicRetry(environment, () =>
    join(topicsIn((state) => state.name === 'answered' && !state.answer.ok)),
  )

  const topicsIn = (matches: (state: MembershipState) => boolean): string[] =>
    [...memberships].filter(([, { state }]) => matches(state)).map(([topic]) => topic)

  function join(topics: readonly string[]): void {
    if (!isUp || topics.length === 0) return
    const request = ++lastRequest
    for (const topic of topics) {
      const membership = memberships.get(topic) as Membership
      membership.state = joiningOf(membership.state, request)
    }
    sendJoin(request, 1)
  }

  function sendJoin(request: number, attempt: number): void {
    const topics = topicsIn((state) => state.name === 'joining' && state.request === request)
    if (topics.length === 0) return
    const isLate = attempt > MAX_JOIN_ATTEMPTS
    if (!isLate && splitTopics(topics).every((some) => send(`${RESERVED}:join`, { topics: some, request })))
      return void afterTurns(environment, JOIN_TIMEOUT_MS, () => sendJoin(request, attempt + 1))
    const message = isLate ? NO_ANSWER : NO_TOPICS
    for (const topic of topics) settle(request, { topic, ok: false, name: 'failed', message })
  }

  const answersFor = (tab: AttachedTab) => answersOf(memberships, tab, clock.monotonic())

  function settle(request: number, answer: TopicOutcome, retryMs = RETRY_PAUSE_MS.first): void {
    const membership = memberships.get(answer.topic) as Membership
    if (isNews(answer, membership.state)) announce(answer, clock.monotonic(), tabs, log)
    membership.state = { name: 'answered', request, answer }
    if (!answer.ok) retry.plan(retryMs)
  }

  function leave(topic: string): void {
    if (!isRefused(memberships.get(topic))) send(`${RESERVED}:leave`, { topics: [topic] })
    memberships.delete(topic)
    log.add('topic', 'left', { topic })
  }

  /** Which topics are used may have changed. */
  function update(): void {
    const used = usedTopics(tabs)
    const added = [...used].filter((topic) => !memberships.has(topic))
    for (const topic of added) memberships.set(topic, { state: { name: 'offline', wasAsked: false } })
    join(added)
    for (const [topic, membership] of memberships) {
      if (used.has(topic)) {
        membership.cancelLeave?.()
        membership.cancelLeave = undefined
        continue
      }
      membership.cancelLeave ??= timers.after(LEAVE_DELAY_MS, () => {
        // Without a connection it is kept: the next one may still be in the topic.
        if (isUp) leave(topic)
      })
    }
  }

  /** The server answered a join or, without a request, has taken the topic away. */
  function readMessage(message: Metadata): void {
    const state = memberships.get(message['topic'] as string)?.state
    if (!state) return
    if (state.name === 'offline') {
      // Sent on by a connection that is being recovered: the topic was not joined all the while.
      if (message['request'] === undefined && message['ok'] !== true) state.joined = undefined
      return
    }
    const answer = answerIn(message, state, clock.monotonic())
    if (answer) settle(state.request, answer, isUnavailable(message) ? UNAVAILABLE_PAUSE_MS : undefined)
  }

  return {
    update,
    answersFor,
    /** Replaces the topics that a tab uses. */
    use(tab: AttachedTab, topics: readonly string[]): void {
      const before = tab.topics
      tab.topics = new Set(topics)
      update()
      for (const answer of answersFor(tab))
        if (!before.has(answer.topic)) tab.endpoint.postMessage({ kind: 'topic', ...answer })
    },
    up(recovered: boolean): void {
      isUp = true
      retry.reset()
      const used = usedTopics(tabs)
      for (const [topic, membership] of [...memberships]) {
        const state = offlineOf(membership.state)
        membership.state = recovered ? state : { ...state, joined: undefined }
        if (used.has(topic)) continue
        membership.cancelLeave?.()
        if (recovered && state.wasAsked) leave(topic)
        else memberships.delete(topic)
      }
      join([...memberships.keys()])
    },
    down(): void {
      isUp = false
      for (const membership of memberships.values()) membership.state = offlineOf(membership.state)
    },
    readMessage,
    /** The credentials were renewed: what was refused may be allowed now. */
    retryRefused: retry.now,
    inspect: () => inspectTopics(memberships, tabs),
    close(): void {
      retry.reset()
      for (const { cancelLeave } of memberships.values()) cancelLeave?.()
      memberships.clear()
    },
  }
}

const inspectTopics = (memberships: ReadonlyMap<string, Membership>, tabs: TabRegistry): HubInspection['topics'] =>
  [...memberships].map(([name, { state }]) => ({
    name,
    state: state.name !== 'answered' ? state.name : state.answer.ok ? 'joined' : state.answer.name,
    tabs: tabs.all().filter((tab) => tab.topics.has(name)).length,
  }))

function announce(answer: TopicOutcome, now: number, tabs: TabRegistry, log: HubLog): void {
  const { topic, ok } = answer
  log.add('topic', ok ? 'joined' : answer.name, { topic, ...(!ok && { reason: answer.message }) })
  const message = { kind: 'topic', ...answerOf(answer, now) } as const
  for (const tab of tabs.all()) if (tab.topics.has(topic)) tab.endpoint.postMessage(message)
}

function joiningOf(state: MembershipState, request: number): MembershipState {
  const told = state.name === 'answered' && !state.answer.ok ? state.answer : undefined
  return { name: 'joining', request, joined: joinedOf(state), told }
}

/** What a tab is told now. */
const answersOf = (memberships: ReadonlyMap<string, Membership>, { topics }: AttachedTab, now: number): TopicAnswer[] =>
  [...topics].flatMap((topic) => {
    const outcome = outcomeOf(memberships.get(topic))
    return outcome ? answerOf(outcome, now) : []
  })

const answerOf = (outcome: TopicOutcome, now: number): TopicAnswer =>
  outcome.ok
    ? {
        topic: outcome.topic,
        ok: true,
        ageMs: now - outcome.at,
        ...(outcome.quietForMs && { quietForMs: outcome.quietForMs }),
      }
    : outcome

/** Where the server has refused there is nothing to leave. */
function isRefused(membership: Membership | undefined): boolean {
  const answer = outcomeOf(membership)
  return answer?.ok === false && answer.name === 'refused'
}

/** A topic that was asked for again and answered as before is no news. */
const isNews = (answer: TopicOutcome, before: MembershipState): boolean =>
  answer.ok || before.name !== 'joining' || before.told?.ok !== false || before.told.name !== answer.name

const usedTopics = (tabs: TabRegistry): ReadonlySet<string> => new Set(tabs.all().flatMap((tab) => [...tab.topics]))

const outcomeOf = (membership: Membership | undefined): TopicOutcome | undefined =>
  membership?.state.name === 'answered'
    ? membership.state.answer
    : membership?.state.name === 'joining'
      ? membership.state.told
      : undefined

/** The server can't tell now whether the topic may be joined. */
const isUnavailable = ({ code }: Metadata): boolean => code === 'unavailable'

/** The news for a topic whose join was sent; undefined where there is none. */
function answerIn(
  told: Metadata,
  state: Exclude<MembershipState, { name: 'offline' }>,
  now: number,
): TopicOutcome | undefined {
  const { topic: name, ok, request, message } = told
  const isJoined = ok === true
  const failure = isUnavailable(told) ? 'failed' : 'refused'
  if (request === undefined ? isJoined : request !== state.request) return undefined
  const topic = name as string
  if (state.name === 'answered') {
    const { answer } = state
    // A join that was sent twice is answered twice.
    if ((answer.ok ? 'joined' : answer.name) === (isJoined ? 'joined' : failure)) return undefined
  }
  if (isJoined) return { topic, ok: true, ...(joinedOf(state) ?? joinedNow(told, now)) }
  const reason = typeof message === 'string' ? message : 'the server refused it'
  return { topic, ok: false, name: failure, message: reason }
}

/** What the server has sent since it let this browser in is not missing, and neither is what it has not sent before. */
function joinedNow(told: Metadata, now: number): Joined {
  const quietForMs = readQuietMs(told)
  return { at: now, ...(quietForMs && { quietForMs }) }
}

function joinedOf(state: MembershipState): Joined | undefined {
  if (state.name !== 'answered') return state.joined
  const { answer } = state
  return answer.ok ? { at: answer.at, ...(answer.quietForMs && { quietForMs: answer.quietForMs }) } : undefined
}

function offlineOf(state: MembershipState): Extract<MembershipState, { name: 'offline' }> {
  return state.name === 'offline' ? state : { name: 'offline', wasAsked: true, joined: joinedOf(state) }
}

/** When topics are asked for again that were not joined: ever more seldom, and at a moment of this browser's own. */
function createTopicRetry({ timers, random }: Pick<HubEnvironment, 'timers' | 'random'>, onRetry: () => void) {
  let retries = 0
  let cancel: (() => void) | undefined

  function now(): void {
    cancel?.()
    cancel = undefined
    onRetry()
  }

  return {
    now,
    plan(firstMs: number): void {
      if (cancel) return
      const pauseMs = Math.min(RETRY_PAUSE_MS.max, firstMs * 2 ** Math.min(retries++, 10))
      cancel = timers.after(pauseMs * (1 + random()), now)
    },
    /** Another connection, which joins everything. */
    reset(): void {
      retries = 0
      cancel?.()
      cancel = undefined
    },
  }
}

/** As few lists as fit into frames. */
function splitTopics(topics: readonly string[]): readonly (readonly string[])[] {
  const frames: string[][] = []
  let left = 0
  for (const topic of topics) {
    const characters = JSON.stringify(topic).length + 1
    if (characters > left || frames.length === 0) {
      frames.push([])
      left = MAX_JOIN_CHARACTERS
    }
    left -= characters
    frames.at(-1)?.push(topic)
  }
  return frames
}
