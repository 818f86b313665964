import type { Machine } from './machine.js'

/** How a browser slows a hidden page's timers: to once a second, and chains of them to once a minute. */
export type Throttling = 'none' | 'second' | 'minute'

/** From this many timers on that set each other they are a chain, which runs once a minute in a page that is long hidden. */
const MIN_CHAINED_TIMERS = 5

/** How deep in a chain of timers the running task is; it counts for the microtasks that follow as well. */
let nesting = 0

/**
 * A realm is where the scripts of one page or worker run: an event loop of its own. While it is suspended (frozen, hung, in
 * the back/forward cache, not started yet), messages queue and timers wait. Nothing runs in a dead one.
 */
export interface Realm {
  readonly name: string
  readonly isDead: boolean
  /** Suspended for at least one reason. */
  readonly isSuspended: boolean
  isSuspendedFor(reason: string): boolean
  /** Since when it is not suspended; meaningless while it is. Simulated time. */
  readonly awakeSince: number
  /** A task from outside (a message, an answer), `ms` from now. */
  task(ms: number, run: () => void): void
  /** The same for a message that evicts a page from the back/forward cache. */
  message(ms: number, run: () => void): void
  /** `setTimeout`. */
  after(ms: number, run: () => void): () => void
  /** How many of its timers have not run yet. */
  timers(): number
  suspend(reason: string): void
  resume(reason: string): void
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
  let awakeSince = time.now()
  let throttling: Throttling = 'none'

  const isBlocked = () => reasons.size > 0 || machine.isAsleep()

  function arrive(run: () => void, level: number): void {
    if (dead) return
    if (backlog.length === 0 && !pumping && !isBlocked()) {
      execute(machine, run, level)
      return
    }
    backlog.push({ run, level })
    pump()
  }

  /** Runs the backlog task by task, in order; a task that arrives meanwhile does not overtake it. */
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
      if (next) execute(machine, next.run, next.level)
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
      const slow = throttling === 'none' ? 1 : throttling === 'minute' && level >= MIN_CHAINED_TIMERS ? 60_000 : 1_000
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
    isSuspendedFor: (reason) => reasons.has(reason),
    get awakeSince() {
      return Math.max(awakeSince, machine.awakeSince())
    },
    task: (ms, run) => void time.after(ms, () => arrive(run, 0)),
    message: (ms, run) =>
      void time.after(ms, () => {
        if (!dead && reasons.has('cached')) realm.onDisturbed()
        else arrive(run, 0)
      }),
    after,
    timers: () => timers.size,
    suspend: (reason) => void reasons.add(reason),
    resume(reason) {
      if (reasons.delete(reason) && reasons.size === 0) awakeSince = time.now()
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

function execute(machine: Machine, run: () => void, level: number): void {
  machine.countTask()
  nesting = level
  run()
}

/** Delays for messages that keep their order: each takes up to `maxMs`, and none overtakes another. */
export function orderedDelays(machine: Machine, random: () => number, maxMs: number) {
  let last = 0
  return (): number => {
    const at = Math.max(last, machine.time.now() + random() * maxMs)
    last = at
    return at - machine.time.now()
  }
}
