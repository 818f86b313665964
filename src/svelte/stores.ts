import { type Readable, readonly, writable } from 'svelte/store'
import type { AnyLine, HandlerOptions, Line, MetadataOf } from '../tab/line.js'
import type { Messages } from '../tab/message.js'
import type { TopicOptions, TopicState } from '../tab/topics.js'
import { IDLE, type Status } from '../wire/status.js'
import { access, type MaybeGetter, useLine, whileMounted } from './provide-partyline.js'

type PendingKey = Parameters<AnyLine['pendingChanges']>[0]
type PendingChangesOfLine = ReturnType<AnyLine['pendingChanges']>

/** Keys by value: a list that is created at every reading is the same one. */
const asText = (value: unknown): string => JSON.stringify(value) ?? ''

/** What is read of a line, kept up to date. It is `before` until the component is mounted: a page is hydrated as a server rendered it. */
function useOfLine<T>(line: AnyLine, read: () => T, before: T, input: () => unknown = () => undefined): Readable<T> {
  const store = writable(before)
  let shown = asText(before)
  const update = () => {
    const now = read()
    // A store takes every object for another one.
    if (asText(now) === shown) return
    shown = asText(now)
    store.set(now)
  }
  whileMounted(input, () => {
    update()
    return line.subscribe(update)
  })
  return readonly(store)
}

/**
 * The status of a line, kept up to date.
 * @param line - Default: the line that this component or one around it provides. Throws when there is neither.
 */
export function usePartylineStatus(line?: AnyLine): Readable<Status> {
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
  whileMounted(
    () => undefined,
    () => line.on(event, handler, options),
  )
}

/**
 * Joins a topic while the component is mounted, and gives its state. Components and tabs that use the same topic share it.
 * @param name - Null and undefined: none.
 */
export function useTopic(
  line: AnyLine,
  name: MaybeGetter<string | null | undefined>,
  { queryKeys }: { readonly queryKeys?: MaybeGetter<TopicOptions['queryKeys']> } = {},
): Readable<TopicState> {
  const state = writable<TopicState>({ name: 'away' })
  whileMounted(
    () => asText([access(name) ?? null, access(queryKeys)]),
    () => {
      const topic = access(name)
      state.set({ name: 'away' })
      if (topic === null || topic === undefined) return
      return line.topic(topic, { queryKeys: access(queryKeys), onState: state.set })
    },
  )
  return readonly(state)
}

export interface UsePendingChanges extends Readable<PendingChangesOfLine> {
  /** Fetches the queries now. */
  refresh(): void
}

/**
 * The changes of queries with `meta: { live: 'manual' }`, to be fetched when the user asks ("3 changes, refresh").
 * @param queryKey - All queries whose key begins with it.
 * @param line - Default: the line that this component or one around it provides. Throws when there is neither.
 */
export function usePendingChanges(queryKey: MaybeGetter<PendingKey>, line?: AnyLine): UsePendingChanges {
  const found = useLine(line)
  const nothing: PendingChangesOfLine = { count: 0, isUncertain: false, since: undefined }
  const read = () => found.pendingChanges(access(queryKey))
  const changes = useOfLine(found, read, nothing, () => asText(access(queryKey)))
  return { subscribe: changes.subscribe, refresh: () => found.refresh(access(queryKey)) }
}
