import type { QueryKey } from '../invalidation/target.js'
import type { Report } from '../util/errors.js'
import type { TopicAnswer } from '../wire/protocol.js'

/** Characters in a topic's name. */
const MAX_TOPIC_LENGTH = 200
/** Topics that one tab uses. */
const MAX_TAB_TOPICS = 100
const BAD_TOPIC = `a topic is a string of 1 to ${MAX_TOPIC_LENGTH} characters, and a tab uses ${MAX_TAB_TOPICS} at most`

/**
 * The state of a topic.
 *
 * - `away`: there is no connection, or nobody is signed in. The topic is joined as soon as there is one.
 * - `joining`: the server has been asked.
 * - `joined`: its events arrive, in every tab of this browser.
 * - `refused`: the server refused it. The server is asked again after the next reconnect, and when credentials are renewed.
 * - `failed`: the server does not answer, or the name can't be a topic's.
 */
export type TopicState =
  | { readonly name: 'away' | 'joining' | 'joined'; readonly reason?: undefined }
  | { readonly name: 'refused'; readonly reason: string }
  | { readonly name: 'failed'; readonly reason: string }

export interface TopicOptions {
  /**
   * What the topic's events are about. Events sent before the join are lost, so the queries whose key begins with one of
   * these (TanStack's prefix rules) are checked when it is joined. Too narrow leaves a query stale.
   * @default every query that a rule can reach
   */
  readonly queryKeys?: readonly QueryKey[] | undefined
  /** Called with the topic's state, at once if somebody is signed in, and whenever it changes. */
  readonly onState?: ((state: TopicState) => void) | undefined
}

export interface JoinedTopic {
  /** Since when, by this tab's monotonic clock. */
  readonly at: number
  /** The server had sent nothing to it for so long before. Milliseconds. */
  readonly quietForMs: number
}

/** One use of a topic in this tab. Several uses may have one name. */
export interface TopicUse {
  readonly name: string
  readonly queryKeys: TopicOptions['queryKeys']
  readonly onState: (state: TopicState) => void
}

interface TabTopicsOptions {
  readonly uses: ReadonlySet<TopicUse>
  readonly report: Report
  /** Milliseconds. Never set back. */
  readonly monotonic: () => number
  /** A topic is joined. `keys` are what its events are about, undefined: all. */
  readonly onJoined: (joined: JoinedTopic, keys: readonly QueryKey[] | undefined) => void
}

/** `at`: when the hub's answer came, by this tab's monotonic clock. */
interface Answer {
  readonly answer: TopicAnswer
  readonly at: number
}

const AWAY: TopicState = { name: 'away' }

/** The topics of one session in this tab: the names that it uses, and the hub's answers. */
export function createTabTopics({ uses, report, monotonic, onJoined }: TabTopicsOptions) {
  const answers = new Map<string, Answer>()
  /** The state that each use was last called with, as a text. */
  const told = new WeakMap<TopicUse, string>()
  let names: readonly string[] = []
  let connected = false

  function stateOf(name: string): TopicState {
    if (!names.includes(name)) return { name: 'failed', reason: BAD_TOPIC }
    const answer = answers.get(name)?.answer
    if (!connected) return AWAY
    if (answer && !answer.ok) return { name: answer.name, reason: answer.message }
    return { name: answer ? 'joined' : 'joining' }
  }

  function notify(): void {
    for (const use of [...uses]) {
      // A callback that was called before it may have left this topic.
      if (!uses.has(use)) continue
      const state = stateOf(use.name)
      const text = state.name + state.reason
      // `update` does not know a new use yet.
      if ((told.get(use) ?? text) === text) continue
      told.set(use, text)
      use.onState(state)
    }
  }

  /** Queries that were fetched before the join are checked once, however many uses it has. */
  function check({ answer, at }: Answer, among: Iterable<TopicUse>): void {
    if (!answer.ok) return
    const keys = [...among].filter(({ name }) => name === answer.topic).map(({ queryKeys }) => queryKeys)
    // On its way an answer only ages, so no data counts as younger than it is.
    const joined = { at: at - answer.ageMs, quietForMs: answer.quietForMs ?? 0 }
    if (keys.length > 0) onJoined(joined, keys.includes(undefined) ? undefined : keys.flatMap((some) => some ?? []))
  }

  function take(answer: TopicAnswer): void {
    const { topic } = answer
    // This tab may have left it meanwhile.
    if (!names.includes(topic)) return
    const taken = { answer, at: monotonic() }
    answers.set(topic, taken)
    if (!answer.ok) report(`topic-${answer.name}`, `${topic}: ${answer.message}`, { detail: { topic } })
    check(taken, uses)
  }

  /** The topics that this tab uses may have changed. */
  function update(): void {
    const used = [...new Set([...uses].map(({ name }) => name))]
    names = used.filter(isTopicName).slice(0, MAX_TAB_TOPICS)
    for (const name of answers.keys()) if (!names.includes(name)) answers.delete(name)
    const fresh = [...uses].filter((use) => !told.has(use))
    for (const use of fresh) {
      told.set(use, '')
      const { name } = use
      if (!names.includes(name)) report('bad-topic', BAD_TOPIC, { detail: { topic: name } })
    }
    // Another use in this tab may have joined it, with other keys.
    for (const answer of answers.values()) check(answer, fresh)
    notify()
  }

  update()
  return {
    update,
    names: () => names,
    stateOf,
    /** The hub's answers. */
    answered(given: readonly TopicAnswer[] = []): void {
      given.forEach(take)
      notify()
    },
    /** Whether there is a connection to the server. Answers from before it was lost are void. */
    connected(is: boolean): void {
      if (connected && !is) answers.clear()
      connected = is
      notify()
    },
  }
}

const isTopicName = (name: unknown): boolean =>
  typeof name === 'string' && name !== '' && name.length <= MAX_TOPIC_LENGTH
