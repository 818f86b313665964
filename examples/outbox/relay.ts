import { setTimeout as sleep } from 'node:timers/promises'
import type { AnyEvents, Notifier } from 'partyline/server'
import { openSession, type Page, type Session } from './session.js'

export interface RelayOptions {
  readonly connectionString: string
  /** The result of `createNotifier(io)`, **without** `onError`: an event that could not be sent has to throw here. */
  readonly notify: Pick<Notifier<AnyEvents>, 'user' | 'everyone' | 'gap'>
  /**
   * Resolves when everything that was relayed has left this process, and rejects when some of it may not have. Do it by a
   * write on the same connection that the adapter uses, and check that this has not broken meanwhile. It is called after each
   * batch. Events that were not confirmed are relayed again.
   * @default nothing to wait for, as with one process and no adapter
   */
  readonly confirm?: () => Promise<unknown>
  /**
   * Over how many milliseconds browsers spread their fetches after a gap.
   * @default 10000
   */
  readonly spreadMs?: number
  /**
   * Events older than this are pruned, as a PostgreSQL interval; false: not by the relay.
   * @default '1 hour'
   */
  readonly keep?: string | false
  /**
   * With more events than this to catch up on, all browsers refetch instead.
   * @default 10000
   */
  readonly mostBehind?: number
  /**
   * How often (ms) a standby process tries to take over.
   * @default 1000
   */
  readonly standBy?: number
  readonly onState?: (state: RelayState) => void
  /**
   * Called with the reason when a session ended, or with what could not be sent. The relay goes on by itself.
   * @default the console
   */
  readonly onError?: (error: unknown) => void
}

export type RelayState = 'connecting' | 'standing-by' | 'relaying' | 'stopped'

export interface Relay {
  readonly state: RelayState
  /** Ends it; another process takes over. Resolves when nothing more is relayed. */
  stop(): Promise<void>
}

/** How many events are read, relayed and confirmed at a time. */
const PAGE = 500
/** How often (ms) new events are read without a notification. */
const LOOK = 5_000
const PRUNE = 60_000
/**
 * With an adapter, the last events are relayed again at the start; this is how far back, as a PostgreSQL interval. What another
 * process has relayed may not have arrived here yet, and browsers must not get newer events before older ones. They drop
 * duplicates by their number.
 */
const LAG = '5 seconds'
const BACKOFF = { first: 200, most: 5_000 }
/** How long (ms) `confirm` may take. */
const CONFIRM = 10_000

/**
 * Relays the events of the outbox: at least once, in the order of the commits, by one process of the cluster at a time. Where
 * it can't know what browsers have missed, it sends a gap.
 */
export function startRelay(options: RelayOptions): Relay {
  const { connectionString, notify, spreadMs = 10_000, keep = '1 hour', mostBehind = 10_000, standBy = 1_000 } = options
  const { confirm, onState, onError = (error) => console.warn('[outbox]', error) } = options
  const ending = new AbortController()
  const { signal } = ending
  let state: RelayState = 'connecting'
  let failures = 0
  const enter = (next: RelayState) => {
    if (state !== next) onState?.(next)
    state = next
  }

  async function settle(position: number, write: Session['save']): Promise<void> {
    if (confirm) await inTime(confirm())
    await write(position)
    failures = 0
  }

  /** Where to go on from. Events before it that were not relayed are lost, and are answered by a gap. */
  async function begin(session: Session): Promise<number> {
    const { relayed, pruned, newest } = await session.read(0, 0)
    if (relayed !== null && relayed >= pruned && newest - relayed <= mostBehind) {
      return confirm ? session.before(relayed, LAG) : relayed
    }
    notify.gap({ spreadMs })
    await settle(newest, session.place)
    return newest
  }

  function handOn({ events }: Page): void {
    let unsent = false
    for (const { id, user_id, event, metadata, origin, spread_ms } of events) {
      const said = { id, origin: origin ?? undefined, ...(spread_ms !== null && { spreadMs: spread_ms }) }
      try {
        if (user_id === null) notify.everyone(event, metadata, said)
        else notify.user(user_id, event, metadata, said)
      } catch (error) {
        // Such a row would block all rows after it. A gap has all browsers refetch what it would have announced.
        unsent = true
        onError(error)
      }
    }
    if (unsent) notify.gap({ spreadMs })
  }

  async function relay(session: Session): Promise<void> {
    let pruneDue = 0
    // Before the first read, so that no event falls between the two.
    await session.listen()
    let position = await begin(session)
    while (!signal.aborted) {
      const page = await session.read(position, PAGE)
      // Pruned before it was relayed, or restored from a backup.
      if (page.pruned > position || page.relayed === null) {
        position = await begin(session)
        continue
      }
      const last = page.events.at(-1)
      if (last) {
        handOn(page)
        await settle(last.id, session.save)
        position = last.id
        continue
      }
      if (keep !== false && Date.now() >= pruneDue) {
        await session.prune(keep)
        pruneDue = Date.now() + PRUNE
      }
      await session.rest(LOOK)
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      enter('connecting')
      let session: Session | undefined
      try {
        session = await openSession(connectionString, signal)
        while (!signal.aborted && !(await session.tryLock())) {
          enter('standing-by')
          failures = 0
          await session.rest(standBy)
        }
        if (signal.aborted) break
        enter('relaying')
        await relay(session)
      } catch (error) {
        if (!signal.aborted) onError(error)
      } finally {
        session?.close()
      }
      const delay = Math.min(BACKOFF.most, BACKOFF.first * 2 ** failures++)
      await sleep(delay, undefined, { signal }).catch(() => undefined)
    }
    enter('stopped')
  }

  const running = run()
  return {
    get state() {
      return state
    },
    stop() {
      ending.abort()
      return running
    },
  }
}

/** A process that gets no answer must not keep the lock from one that would. */
async function inTime(answer: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`what was handed on was not confirmed within ${CONFIRM} ms`)), CONFIRM)
  })
  try {
    await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
