import { expect, it } from 'vitest'
import { type Rig, rigsOfTests } from './rig.js'

const open = rigsOfTests()
const ITEM = ['item', 0]
const OTHER = ['item', 1]
const CARDS = ['cards']
/** Nine tenths of the resync's 2 s. */
const JITTER_MS = 1_800

/** The server restarts; returns when the tab has heard that there was a gap. */
async function reconnect({ stop, start, only, pass, now }: Rig): Promise<number> {
  const before = only.line.status.lastGap?.until
  stop()
  start()
  const began = now()
  while (only.line.status.lastGap?.until === before && now() - began < 30_000) await pass(1)
  return now()
}

it('a component that is mounted after a reconnect fetches its own query, and leaves the others their jitter', async () => {
  const rig = await open({ random: () => 0.9 })
  const { only, pass } = rig
  only.watch(ITEM)
  only.watch(OTHER)
  const cards = only.watch(CARDS)
  await pass(1_000)
  cards.stop()
  const gapAt = await reconnect(rig)
  await pass(10)
  only.watch(CARDS)
  await pass(10_000)
  const [item = 0, other = 0, own = 0] = [ITEM, OTHER, CARDS].map((key) => only.fetchedAfter(key, gapAt)[0])
  expect(own).toBeLessThan(100)
  expect([item, other].every((ms) => Math.abs(ms - JITTER_MS) < 50)).toBe(true)
})

it('what is in flight at a gap is fetched again within the jitter, not at once', async () => {
  const rig = await open({ takesMs: 3_000, random: () => 0.9 })
  const { only, pass } = rig
  const watcher = only.watch(ITEM)
  await pass(4_000)
  watcher.refetch()
  const gapAt = await reconnect(rig)
  expect(only.client.isFetching()).toBe(1)
  rig.api.state.takesMs = 50
  await pass(20_000)
  const [again = 0] = only.fetchedAfter(ITEM, gapAt)
  expect(again).toBeGreaterThanOrEqual(JITTER_MS - 50)
  expect(only.fetchedAfter(ITEM, gapAt)).toHaveLength(1)
})

it('a burst costs a query one fetch in flight and one pending', async () => {
  const { only, pass, changeItem, api, now } = await open({ takesMs: 3_000 })
  only.watch(ITEM)
  await pass(4_000)
  const began = now()
  for (let number = 0; number < 200; number++) {
    changeItem()
    await pass(20)
  }
  await pass(20_000)
  // 4 s of events, each fetch takes 3 s: one begins at once, the next ones when the one before has ended.
  expect(only.fetchedAfter(ITEM, began).length).toBeLessThanOrEqual(3)
  expect(only.data(ITEM)).toBe(api.truth(ITEM))
})
