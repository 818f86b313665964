import { type Accessor, createEffect, createMemo, createSignal, onCleanup, onMount, untrack } from 'solid-js'
import type { AnyLine, HandlerOptions, Line, MetadataOf } from '../tab/line.js'
import type { Messages } from '../tab/message.js'
import type { TopicOptions, TopicState } from '../tab/topics.js'
import { IDLE, type Status } from '../wire/status.js'
import { useLine } from './provider.js'

type PendingKey = Parameters<AnyLine['pendingChanges']>[0]
type PendingChangesOfLine = ReturnType<AnyLine['pendingChanges']>
/** A value, or a signal. */
type MaybeAccessor<T> = T | Accessor<T>

const NO_CHANGES: PendingChangesOfLine = { count: 0, isUncertain: false, since: undefined }

const access = <T>(value: MaybeAccessor<T>): T => (typeof value === 'function' ? (value as Accessor<T>)() : value)

/** What is read of a line, kept up to date. It is `before` until the component is mounted: a page is hydrated as a server rendered it. */
function useOfLine<T>(line: AnyLine, read: () => T, before: T): Accessor<T> {
  /** How often it was told to read. 0 until the mount. */
  const [times, setTimes] = createSignal(0)
  const readAgain = () => {
    setTimes((so) => so + 1)
  }
  onMount(() => {
    readAgain()
    onCleanup(line.subscribe(readAgain))
  })
  return createMemo(() => (times() > 0 ? read() : before), before, {
    equals: (one, other) => one === other || JSON.stringify(one) === JSON.stringify(other),
  })
}

/**
 * The status of a line, kept up to date.
 * @param line - Default: the line of the `PartylineProvider` around. Throws when there is neither.
 */
export function usePartylineStatus(line?: AnyLine): Accessor<Status> {
  const found = useLine(line)
  return useOfLine<Status>(found, () => found.status, IDLE)
}

/** Calls the handler with each event's metadata, while the component is mounted. `in`: in which tabs. Default: in every tab. */
export function useServerEvent<Events, E extends keyof Events & string, Sends = Messages>(
  line: Line<Events, Sends>,
  event: E,
  handler: (metadata: MetadataOf<Events[E]>) => void,
  options: HandlerOptions = {},
): void {
  onMount(() => onCleanup(line.on(event, handler, options)))
}

/**
 * Joins a topic while the component is mounted, and gives its state. Components and tabs that use the same topic share it.
 * @param name - Null and undefined: none.
 */
export function useTopic(
  line: AnyLine,
  name: MaybeAccessor<string | null | undefined>,
  { queryKeys }: { readonly queryKeys?: MaybeAccessor<TopicOptions['queryKeys']> } = {},
): Accessor<TopicState> {
  const [state, setState] = createSignal<TopicState>({ name: 'away' })
  const topic = createMemo(() => access(name))
  // By value: a list that is created at every reading is the same one.
  const keys = createMemo(() => JSON.stringify(access(queryKeys)))
  createEffect(() => {
    const joined = topic()
    keys()
    setState({ name: 'away' })
    if (joined === null || joined === undefined) return
    const options = { queryKeys: untrack(() => access(queryKeys)), onState: (now: TopicState) => void setState(now) }
    onCleanup(line.topic(joined, options))
  })
  return state
}

export interface UsePendingChanges extends PendingChangesOfLine {
  /** Fetches the queries now. */
  refresh(): void
}

/**
 * The changes of queries with `meta: { live: 'manual' }`, to be fetched when the user asks ("3 changes, refresh").
 * The fields are read from signals: do not destructure it.
 * @param queryKey - All queries whose key begins with it.
 * @param line - Default: the line of the `PartylineProvider` around. Throws when there is neither.
 */
export function usePendingChanges(queryKey: MaybeAccessor<PendingKey>, line?: AnyLine): UsePendingChanges {
  const found = useLine(line)
  const changes = useOfLine(found, () => found.pendingChanges(access(queryKey)), NO_CHANGES)
  return {
    get count() {
      return changes().count
    },
    get isUncertain() {
      return changes().isUncertain
    },
    get since() {
      return changes().since
    },
    refresh: () => found.refresh(untrack(() => access(queryKey))),
  }
}
