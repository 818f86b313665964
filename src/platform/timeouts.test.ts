import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createWorld } from '../testing/world.js'
import { commonEnvironment } from './environment.js'
import { afterSilence, pause } from './timeouts.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function setUp() {
  let heard = 0
  const run = vi.fn()
  const stop = afterSilence(commonEnvironment(), () => heard, 1_000, run)
  const hear = () => {
    heard++
  }
  return { run, stop, hear }
}
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

it('calls back once, when nothing has come for so long', async () => {
  const { run } = setUp()
  await pass(999)
  expect(run).not.toHaveBeenCalled()
  await pass(2)
  expect(run).toHaveBeenCalledOnce()
  await pass(10_000)
  expect(run).toHaveBeenCalledOnce()
  expect(vi.getTimerCount()).toBe(0)
})

it('waits for as long as something comes', async () => {
  const { run, hear } = setUp()
  for (let second = 0; second < 20; second++) {
    await pass(900)
    hear()
  }
  expect(run).not.toHaveBeenCalled()
  // Counted from what came last: never shorter, and longer by one slice at most.
  await pass(999)
  expect(run).not.toHaveBeenCalled()
  await pass(202)
  expect(run).toHaveBeenCalledOnce()
})

it('asks no clock, whichever way it was set', async () => {
  for (const hours of [-1, 1]) {
    const { run } = setUp()
    vi.setSystemTime(Date.now() + hours * 3_600_000)
    await pass(990)
    expect(run).not.toHaveBeenCalled()
    await pass(11)
    expect(run).toHaveBeenCalledOnce()
  }
})

it('takes a thread that was blocked for longer than that for a slice of silence, not for all of it', async () => {
  const blocked: (() => void)[] = []
  const heard = 0
  const run = vi.fn()
  // Each timer comes late, by what a clock would count as all of the limit.
  const after = (_ms: number, due: () => void) => {
    blocked.push(due)
    return () => undefined
  }
  afterSilence({ timers: { after } }, () => heard, 1_000, run)
  for (let block = 0; block < 4; block++) {
    vi.setSystemTime(Date.now() + 3_000)
    blocked.shift()?.()
  }
  expect(run).not.toHaveBeenCalled()
  // But it does not wait for ever where nothing comes.
  for (let turn = 0; turn < 2; turn++) blocked.shift()?.()
  expect(run).toHaveBeenCalledOnce()
})

it('hears an answer that came within a block, though turns of the thread passed before it was read', async () => {
  const { run, hear } = setUp()
  // The thread is blocked past the whole limit; then it reads, but only after a few more of its own tasks.
  vi.setSystemTime(Date.now() + 3_000)
  vi.advanceTimersByTime(200)
  setTimeout(hear, 50)
  await pass(900)
  expect(run).not.toHaveBeenCalled()
})

it('first hears what came while the thread was busy', async () => {
  const { run, hear } = setUp()
  // It stands in line behind the timer that is overdue.
  setTimeout(hear, 1_000)
  vi.advanceTimersByTime(1_000)
  await pass(500)
  expect(run).not.toHaveBeenCalled()
})

it('can be called off at any time', async () => {
  for (const ms of [0, 500, 1_000]) {
    const { run, stop } = setUp()
    vi.advanceTimersByTime(ms)
    stop()
    await pass(5_000)
    expect(run).not.toHaveBeenCalled()
  }
})

it('takes seconds in a page that is long hidden, whose timers run once a minute when they set each other', async () => {
  vi.useRealTimers()
  const world = createWorld({
    seed: 1,
    webLocks: false,
    channel: true,
    extendedLifetime: false,
    restarts: false,
    delay: 10,
    recovery: false,
    renewal: false,
    identify: () => undefined,
  })
  const page = world.openPage({ sharedWorker: true, workerTrouble: undefined, script: 'worker.js' })
  page.hide()
  await world.pass(360_000)
  const began = world.machine.monotonic()
  let tookMs = 0
  let waits = 4
  const wait = () => {
    tookMs = world.machine.monotonic() - began
    if (waits-- > 0) afterSilence(page.environment, () => 0, 5_000, wait)
  }
  page.run(wait)
  await world.pass(1_800_000)
  expect(waits).toBe(-1)
  // Timers that run once a second; four times five minutes would be the other way.
  expect(tookMs).toBeLessThan(60_000)
  expect(page.holds()).toMatchObject({ timers: 0, pipes: 0 })
})

it('pauses until the signal aborts, and not at all once it has', async () => {
  const { after } = commonEnvironment().timers
  const life = new AbortController()
  const ended = vi.fn()
  void pause(after, 60_000, life.signal).then(ended)
  await pass(1_000)
  expect(ended).not.toHaveBeenCalled()
  life.abort()
  // As where something else was awaited meanwhile.
  void pause(after, 60_000, life.signal).then(ended)
  await pass(0)
  expect(ended).toHaveBeenCalledTimes(2)
  expect(vi.getTimerCount()).toBe(0)
})
