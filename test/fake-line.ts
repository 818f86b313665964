import { expect } from 'vitest'
import type { Line, MountOptions, Status, TopicOptions, TopicState } from '../src/index.js'
import { IDLE } from '../src/wire/status.js'

export interface FakeEvents {
  balance_updated: { accountId: string }
  profile_updated: unknown
}

/** A line that only keeps the books: who mounted, who listens. */
export function createFakeLine() {
  const log: string[] = []
  const mounts: MountOptions[] = []
  const watchers = new Set<() => void>()
  const topics = new Set<{ readonly name: string; readonly options: TopicOptions }>()
  const handlers = new Set<{
    readonly event: string
    readonly in?: string | undefined
    handle(metadata: never): void
  }>()
  let status: Status = IDLE
  let changes: ReturnType<Line<FakeEvents>['pendingChanges']> = { count: 0, isUncertain: false, since: undefined }
  let subscriptions = 0

  const line: Line<FakeEvents> = {
    mount(options) {
      log.push(`mount ${options.identity}`)
      mounts.push(options)
      return () => {
        log.push(`unmount ${options.identity}`)
        mounts.splice(mounts.indexOf(options), 1)
      }
    },
    get status() {
      return status
    },
    subscribe(listener) {
      subscriptions++
      const own = () => listener()
      watchers.add(own)
      return () => void watchers.delete(own)
    },
    on(event: string, handle: (metadata: never) => void, options: { in?: string | undefined } = {}) {
      subscriptions++
      const own = { event, handle, in: options.in }
      handlers.add(own)
      return () => void handlers.delete(own)
    },
    send: () => Promise.reject<never>(new Error('not here')),
    topic(name, options = {}) {
      log.push(`join ${name} ${JSON.stringify(options.queryKeys ?? [])}`)
      const use = { name, options }
      topics.add(use)
      return () => {
        log.push(`leave ${name}`)
        topics.delete(use)
      }
    },
    onReceipt: () => () => undefined,
    onError: () => () => undefined,
    onRecord: () => () => undefined,
    inspect: async () => expect.fail('no component inspects a line'),
    explain: async () => [],
    simulate: async () => undefined,
    emitLocal: async () => undefined,
    origin: 'me',
    request: (run) => run({}),
    pendingChanges: () => changes,
    refresh: (queryKey) => void log.push(`refresh ${queryKey.join()}`),
    retry: () => undefined,
    reachable: () => undefined,
    signOut: () => undefined,
  }
  return {
    line,
    /** What was mounted and unmounted, in order. */
    log,
    /** What is mounted now. */
    mounts,
    watchers,
    handlers,
    topics,
    /** What becomes of a topic. */
    tell(name: string, state: TopicState) {
      for (const use of [...topics]) if (use.name === name) use.options.onState?.(state)
    },
    subscriptions: () => subscriptions,
    become(name: 'connecting' | 'connected') {
      status = { ...status, name }
      for (const watcher of [...watchers]) watcher()
    },
    change(count: number, since: number | undefined) {
      changes = { count, isUncertain: false, since }
      for (const watcher of [...watchers]) watcher()
    },
    emit(event: keyof FakeEvents, metadata: object) {
      for (const { event: own, handle } of [...handlers]) if (own === event) handle(metadata as never)
    },
  }
}
