import { setTimeout as sleep } from 'node:timers/promises'
import { startRedis } from '../scripts/redis.js'
import { Missing, orMissing } from '../scripts/service.js'
import { atRest, become, countsOf, eventsOf, expect, gapsOf, shows, test, watchGaps, watchReceipts } from './django.js'
import { startProxy } from './proxy.js'

// The plain WebSocket transport when its server, Redis or the network fails; and over more than one process.

test('a half-open connection is noticed when the browser comes online, and replaced', async ({ open, visit }) => {
  const daphne = await open()
  const proxy = await startProxy(daphne)
  try {
    const ann = await visit({ ...daphne, url: proxy.url }, 'ann')
    const pages = await ann.openTabs(2)
    for (const page of pages) await watchGaps(page)
    proxy.strand()
    // The event is sent into the half-open connection.
    await ann.pay(100, 'Corner Bakery')
    await pages[0]?.evaluate(() => void dispatchEvent(new Event('online')))
    for (const page of pages) await expect.poll(() => gapsOf(page)).toEqual(['the connection was lost and made again'])
    await shows(pages, ann)
    await ann.pay(100, 'Corner Bakery')
    await shows(pages, ann)
    for (const page of pages) expect(await gapsOf(page)).toHaveLength(1)
  } finally {
    await proxy.close()
  }
})

test('daphne is killed three times while payments are made: every tab converges, with one gap each time', async ({
  open,
  visit,
}) => {
  const redis = await orMissing(startRedis())
  if (redis instanceof Missing) return test.skip(true, redis.message)
  const settings = { REDIS_URL: redis.url }
  let feeding = true
  let feed: Promise<number> | undefined
  try {
    let daphne = await open(settings)
    // Another process takes the payments.
    const elsewhere = await open(settings)
    const ann = await visit(daphne, 'ann')
    const pages = await ann.openTabs(5)
    for (const page of pages) await watchGaps(page)
    feed = (async () => {
      for (let payments = 0; ; payments++) {
        if (!feeding) return payments
        await ann.pay(1, 'Feed', '1', elsewhere.url)
        await sleep(50)
      }
    })()

    for (let outage = 1; outage <= 3; outage++) {
      await daphne.kill()
      await become(pages, 'disconnected')
      // From this account only while no browser is connected: its changes can arrive by a resync alone.
      await ann.pay(outage, 'Meanwhile', '2', elsewhere.url)
      daphne = await open(settings, daphne.port)
      await become(pages, 'connected')
      await shows(pages, ann, '2')
      for (const page of pages)
        expect(await gapsOf(page)).toEqual(Array(outage).fill('the connection was lost and made again'))
      expect(await countsOf(daphne)).toMatchObject({ open: 1, opened: 1 })
    }
    feeding = false
    console.log(`${await feed} payments while daphne was killed three times`)
    await shows(pages, ann)
    for (const page of pages) await atRest(page)
  } finally {
    feeding = false
    await feed?.catch(() => undefined)
    await redis.stop()
  }
})

test('two processes and Redis: a payment at one is live in the tabs of the other', async ({ open, visit }) => {
  const redis = await orMissing(startRedis())
  if (redis instanceof Missing) return test.skip(true, redis.message)
  try {
    const [one, other] = [await open({ REDIS_URL: redis.url }), await open({ REDIS_URL: redis.url })]
    const ann = await visit(one, 'ann')
    const pages = [...(await ann.openTabs(2)), ...(await ann.openTabs(2, '/', other.url))]
    for (const daphne of [one, other]) expect(await countsOf(daphne)).toMatchObject({ open: 1, opened: 1 })
    for (const page of pages) await watchReceipts(page)

    for (const from of [one.url, other.url]) {
      await ann.pay(300, 'Corner Bakery', '1', from)
      await shows(pages, ann)
    }
    const both = ['balance_updated', 'balance_updated', 'transaction_happened', 'transaction_happened']
    for (const page of pages) await expect.poll(async () => (await eventsOf(page)).sort()).toEqual(both)
  } finally {
    await redis.stop()
  }
})

test('Redis is away: a payment is made all the same, and every tab has it when Redis is back', async ({
  open,
  visit,
}) => {
  const redis = await orMissing(startRedis())
  if (redis instanceof Missing) return test.skip(true, redis.message)
  const proxy = await startProxy({ port: Number(new URL(redis.url).port) })
  try {
    const ann = await visit(await open({ REDIS_URL: proxy.url.replace('http', 'redis') }), 'ann')
    const pages = await ann.openTabs(3)
    await proxy.refuse()
    proxy.cut('rst')
    await become(pages, 'disconnected')
    await ann.pay(500, 'Corner Bakery')
    await proxy.heal()
    await become(pages, 'connected')
    await shows(pages, ann)
    await ann.pay(500, 'Corner Bakery')
    await shows(pages, ann)
  } finally {
    await proxy.close()
    await redis.stop()
  }
})
