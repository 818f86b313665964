import type { Machine } from './machine.js'

/** How a browser slows a hidden page's timers. `minute`: those that are set by timers that were set by timers, and so on. */
export type Throttling = 'none' | 'second' | 'minute'

/** So many timers in a row that set each other are a chain, whose wake-ups come once a minute in a page that is long hidden. */
const CHAIN = 5

/** Which realm's task is running, and how deep in a chain of timers it is. Set for the microtasks that follow it as well. */
let nesting = 0

/**
 * Where scripts of one page or worker run: its own event loop. It may be suspended (frozen, hung, in the back/forward
 * cache, not started yet): then messages queue and timers wait. Once it is dead nothing runs in it any more.
 */
export interface Realm {
  readonly name: string
  readonly isDead: boolean
  /** Suspended for a reason; nothing runs. */
  readonly isSuspended: boolean
  /** A task from outside (a message, an answer), in `ms` from now. */
  task(ms: number, run: () => void): void
  /** The same for something that a page in the back/forward cache must not be sent. */
  message(ms: number, run: () => void): void
  /** `setTimeout`. */
  after(ms: number, run: () => void): () => void
  /** How many of its timers are still to come. */
  timers(): number
  suspend(why: string): void
  resume(why: string): void
  throttle(how: Throttling): void
  die(): void
  /** Called when it dies. */
  onDeath(run: () => void): void
  /** Called when it gets a message while suspended for the reason `cached`. */
  onDisturbed: () => void
}

interface Backlog {
  readonly run: () => void
  readonly level: number
}

export function createRealm(machine: Machine, name: string): Realm {
  const { time } = machine
  const reasons = new Set<string>()
  const timers = new Set<object>()
  const deaths: (() => void)[] = []
  let backlog: Backlog[] = []
  let pumping = false
  let dead = false
  let throttling: Throttling = 'none'

  const isBlocked = () => reasons.size > 0 || machine.isAsleep()

  function execute(run: () => void, level: number): void {
    machine.count()
    nesting = level
    run()
  }

  function arrive(run: () => void, level: number): void {
    if (dead) return
    if (backlog.length === 0 && !pumping && !isBlocked()) {
      execute(run, level)
      return
    }
    backlog.push({ run, level })
    pump()
  }

  /** What has piled up runs task by task, in order; nothing that comes meanwhile overtakes it. */
  function pump(): void {
    if (pumping || dead || backlog.length === 0 || reasons.size > 0) return
    pumping = true
    time.after(machine.untilAwake(), () => {
      pumping = false
      if (dead) return
      if (isBlocked()) {
        pump()
        return
      }
      const [next, ...rest] = backlog
      backlog = rest
      if (next) execute(next.run, next.level)
      pump()
    })
  }

  function after(ms: number, run: () => void): () => void {
    if (dead) return () => undefined
    const level = nesting + 1
    const timer = {}
    let slept = machine.slept()
    let over = false
    timers.add(timer)
    const finish = () => {
      over = true
      timers.delete(timer)
    }
    const fire = () => {
      if (over || dead) return
      const late = machine.slept() - slept
      if (late > 0) {
        slept = machine.slept()
        cancel = time.after(late, fire)
        return
      }
      const slow = throttling === 'none' ? 1 : throttling === 'minute' && level >= CHAIN ? 60_000 : 1_000
      const rest = time.now() % slow
      if (slow > 1 && rest > 0 && reasons.size === 0) {
        cancel = time.after(slow - rest, fire)
        return
      }
      arrive(() => {
        if (over) return
        finish()
        run()
      }, level)
    }
    let cancel = time.after(Number.isFinite(ms) ? ms : 0, fire)
    return () => {
      finish()
      cancel()
    }
  }

  const realm: Realm = {
    name,
    get isDead() {
      return dead
    },
    get isSuspended() {
      return reasons.size > 0
    },
    task: (ms, run) => void time.after(ms, () => arrive(run, 0)),
    message: (ms, run) =>
      void time.after(ms, () => {
        if (!dead && reasons.has('cached')) realm.onDisturbed()
        else arrive(run, 0)
      }),
    after,
    timers: () => timers.size,
    suspend: (why) => void reasons.add(why),
    resume(why) {
      reasons.delete(why)
      pump()
    },
    throttle(how) {
      throttling = how
    },
    die() {
      if (dead) return
      dead = true
      timers.clear()
      backlog = []
      for (const run of deaths) run()
    },
    onDeath: (run) => void deaths.push(run),
    onDisturbed: () => undefined,
  }
  return realm
}

/** A way to a realm that keeps the order: each thing carried takes up to `ms`, and none overtakes another. */
export function inOrder(machine: Machine, chance: () => number, ms: number) {
  let last = 0
  return (): number => {
    const at = Math.max(last, machine.time.now() + chance() * ms)
    last = at
    return at - machine.time.now()
  }
}
