import { type ComputedRef, computed, type MaybeRefOrGetter, type ShallowRef, shallowRef, toValue, watch } from 'vue'
import type { AnyLine, HandlerOptions, Line, MetadataOf } from '../tab/line.js'
import type { Messages } from '../tab/message.js'
import type { TopicOptions, TopicState } from '../tab/topics.js'
import { IDLE, type Status } from '../wire/status.js'
import { useLine, whileMounted } from './provide-partyline.js'

type PendingKey = Parameters<AnyLine['pendingChanges']>[0]
type PendingChangesOfLine = ReturnType<AnyLine['pendingChanges']>

const NO_CHANGES: PendingChangesOfLine = { count: 0, isUncertain: false, since: undefined }

/** What is read of a line, kept up to date. It is `before` until the component is mounted: a page is hydrated as a server rendered it. */
function useOfLine<T>(line: AnyLine, read: () => T, before: T): ComputedRef<T> {
  /** How often it was told to read. 0 until the mount. */
  const times = shallowRef(0)
  const readAgain = () => {
    times.value++
  }
  whileMounted(() => {
    readAgain()
    return line.subscribe(readAgain)
  })
  return computed(() => (times.value > 0 ? read() : before))
}

/**
 * The status of a line, kept up to date.
 * @param line - Default: the line that a component above provides. Throws when there is neither.
 */
export function usePartylineStatus(line?: AnyLine): ComputedRef<Status> {
  const found = useLine(line)
  return useOfLine(found, () => found.status, IDLE)
}

/** Calls the handler with each event's metadata, while the component is mounted. `in`: in which tabs. Default: in every tab. */
export function useServerEvent<Events, E extends keyof Events & string, Sends = Messages>(
  line: Line<Events, Sends>,
  event: E,
  handler: (metadata: MetadataOf<Events[E]>) => void,
  options: HandlerOptions = {},
): void {
  whileMounted(() => line.on(event, handler, options))
}

/**
 * Joins a topic while the component is mounted, and gives its state. Components and tabs that use the same topic share it.
 * @param name - Null and undefined: none.
 */
export function useTopic(
  line: AnyLine,
  name: MaybeRefOrGetter<string | null | undefined>,
  { queryKeys }: { readonly queryKeys?: MaybeRefOrGetter<TopicOptions['queryKeys']> } = {},
): Readonly<ShallowRef<TopicState>> {
  const state = shallowRef<TopicState>({ name: 'away' })
  whileMounted(() =>
    watch(
      // Keys by value: a list that is created at every reading is the same one.
      [() => toValue(name), () => JSON.stringify(toValue(queryKeys))] as const,
      ([topic], _before, onCleanup) => {
        state.value = { name: 'away' }
        const onState = (now: TopicState) => {
          state.value = now
        }
        const isNone = topic === null || topic === undefined
        // Also for none: Vue 3.3 calls the former one again where no other is given.
        onCleanup(isNone ? () => undefined : line.topic(topic, { queryKeys: toValue(queryKeys), onState }))
      },
      { immediate: true },
    ),
  )
  return state
}

export type UsePendingChanges = {
  readonly [Field in keyof PendingChangesOfLine]: ComputedRef<PendingChangesOfLine[Field]>
} & {
  /** Fetches the queries now. */
  refresh(): void
}

/**
 * The changes of queries with `meta: { live: 'manual' }`, to be fetched when the user asks ("3 changes, refresh").
 * @param queryKey - All queries whose key begins with it.
 * @param line - Default: the line that a component above provides. Throws when there is neither.
 */
export function usePendingChanges(queryKey: MaybeRefOrGetter<PendingKey>, line?: AnyLine): UsePendingChanges {
  const found = useLine(line)
  const changes = useOfLine(found, () => found.pendingChanges(toValue(queryKey)), NO_CHANGES)
  return {
    count: computed(() => changes.value.count),
    isUncertain: computed(() => changes.value.isUncertain),
    since: computed(() => changes.value.since),
    refresh: () => found.refresh(toValue(queryKey)),
  }
}
