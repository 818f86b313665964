import type { QueryKey } from '../invalidation/target.js'
import type { Report } from '../util/errors.js'
import type { TopicAnswer } from '../wire/protocol.js'

/** A name's longest length in characters, and how many topics one tab may use. */
const MOST = { length: 200, topics: 100 }
const BAD = `a topic is a string of 1 to ${MOST.length} characters, and a tab uses ${MOST.topics} at most`

/**
 * What has become of a topic.
 *
 * - `away`: there is no connection, or nobody is signed in. It is joined as soon as there is one.
 * - `joining`: the server has been asked.
 * - `joined`: its events come, to every tab of this browser.
 * - `refused`: the server said no. It is asked again after the next reconnect, and when credentials are renewed.
 * - `failed`: the server says nothing of topics, or the name can't be one.
 */
export type TopicState =
  | { readonly name: 'away' | 'joining' | 'joined'; readonly reason?: undefined }
  | { readonly name: 'refused'; readonly reason: string }
  | { readonly name: 'failed'; readonly reason: string }

export interface TopicOptions {
  /**
   * What the topic's events are about: only queries whose key begins with one of these (TanStack's prefix rules) are checked
   * when it is joined, since events that came before were missed. Too narrow leaves a query stale.
   * @default every query that a rule can reach
   */
  readonly queryKeys?: readonly QueryKey[] | undefined
  /** Hears what has become of the topic, at once if somebody is signed in, and whenever that changes. */
  readonly onState?: ((state: TopicState) => void) | undefined
}

/** One use of a topic in this tab: there may be several of one name. */
export interface TopicUse {
  readonly name: string
  readonly queryKeys: TopicOptions['queryKeys']
  readonly onState: (state: TopicState) => void
}

interface TopicsOptions {
  readonly uses: ReadonlySet<TopicUse>
  readonly report: Report
  /** A topic has been joined since that moment; these are the keys that its events are about, all if undefined. */
  readonly onJoined: (at: number, keys: readonly QueryKey[] | undefined) => void
}

const AWAY: TopicState = { name: 'away' }

/** The topics of one session in this tab: what it uses of them, and what the hub said. */
export function createTopics({ uses, report, onJoined }: TopicsOptions) {
  const answers = new Map<string, TopicAnswer>()
  const told = new WeakMap<TopicUse, string>()
  let names: readonly string[] = []
  let connected = false

  function stateOf(name: string): TopicState {
    if (!names.includes(name)) return { name: 'failed', reason: BAD }
    const answer = answers.get(name)
    if (!connected) return AWAY
    if (answer && !answer.ok) return { name: answer.name, reason: answer.message }
    return { name: answer ? 'joined' : 'joining' }
  }

  function tell(): void {
    for (const use of [...uses]) {
      // Whoever was told before it may have left for it.
      if (!uses.has(use)) continue
      const state = stateOf(use.name)
      const text = state.name + state.reason
      // One that has just come is not known to `update` yet.
      if ((told.get(use) ?? text) === text) continue
      told.set(use, text)
      use.onState(state)
    }
  }

  /** What was asked for before it was joined is looked through once, however many use it. */
  function check(answer: TopicAnswer, among: Iterable<TopicUse>): void {
    if (!answer.ok) return
    const keys = [...among].filter(({ name }) => name === answer.topic).map(({ queryKeys }) => queryKeys)
    if (keys.length > 0) onJoined(answer.at, keys.includes(undefined) ? undefined : keys.flatMap((some) => some ?? []))
  }

  function take(answer: TopicAnswer): void {
    const { topic } = answer
    // It may have been left meanwhile.
    if (!names.includes(topic)) return
    answers.set(topic, answer)
    if (!answer.ok) report(`topic-${answer.name}`, `${topic}: ${answer.message}`, { detail: { topic } })
    check(answer, uses)
  }

  /** Which topics this tab uses may have changed. */
  function update(): void {
    const used = [...new Set([...uses].map(({ name }) => name))]
    names = used.filter(isName).slice(0, MOST.topics)
    for (const name of answers.keys()) if (!names.includes(name)) answers.delete(name)
    const fresh = [...uses].filter((use) => !told.has(use))
    for (const use of fresh) {
      told.set(use, '')
      const { name } = use
      if (!names.includes(name)) report('bad-topic', BAD, { detail: { topic: name } })
    }
    // Joined by another use of it in this tab, with other keys perhaps.
    for (const answer of answers.values()) check(answer, fresh)
    tell()
  }

  update()
  return {
    update,
    names: () => names,
    /** What the hub says. */
    answered(given: readonly TopicAnswer[] = []): void {
      given.forEach(take)
      tell()
    },
    /** Whether there is a connection to the server. What was answered before it was lost is no longer true. */
    connected(is: boolean): void {
      if (connected && !is) answers.clear()
      connected = is
      tell()
    },
  }
}

const isName = (name: unknown): boolean => typeof name === 'string' && name !== '' && name.length <= MOST.length
