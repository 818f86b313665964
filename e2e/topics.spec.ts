import { setTimeout as sleep } from 'node:timers/promises'
import { createNotifier } from 'partyline/server'
import { type Demo, type DemoOptions, startDemo } from '../demo/server/server.js'
import { freePort } from '../scripts/service.js'
import type { TopicState } from '../src/index.js'
import { Bank, test as base, errorCodes, expect, type Page, status } from './fixtures.js'

// Topics in real tabs, against the bank's server, which lets users join their own topics.

const TOPIC = 'project:42'

declare global {
  interface Window {
    topics: Record<string, { state: TopicState; leave(): void }>
    abouts: string[]
  }
}

interface Topical {
  readonly bank: Bank
  /** Joins and leaves that the server received, in order. */
  readonly log: string[]
}

/** A server with topics that records joins and leaves. */
async function start(options: DemoOptions): Promise<{ demo: Demo; log: string[] }> {
  const demo = await startDemo({
    authorizeTopic: (_session, topic) => topic === TOPIC || 'not your project',
    ...options,
  })
  const log: string[] = []
  demo.io.on('connection', (socket) => {
    socket.onAny((event: string, said: { topics?: readonly string[] }) => {
      for (const topic of said.topics ?? []) log.push(`${event.slice('_line:'.length)} ${topic}`)
    })
  })
  return { demo, log }
}

const test = base.extend<{ topical: Topical }>({
  topical: async ({ server, context }, use) => {
    // A port that one test opens again.
    const { demo, log } = await start({ port: await freePort(), database: server.database })
    await use({ bank: new Bank(demo, context), log })
    await context.close()
    await demo.close()
  },
})

const join = (page: Page, topic = TOPIC) =>
  page.evaluate((name) => {
    const { line } = window.ledger
    window.topics ??= {}
    window.abouts ??= []
    line.on('profile_updated', (m) => window.abouts.push(String(m['about'])))
    const leave = line.topic(name, {
      queryKeys: [['profile']],
      onState: (state) => Object.assign(window.topics, { [name]: { state, leave: () => leave() } }),
    })
  }, topic)
const leave = (page: Page) => page.evaluate((topic) => window.topics[topic]?.leave(), TOPIC)
const stateOf = (page: Page, topic = TOPIC) => page.evaluate((name) => window.topics[name]?.state, topic)

async function allJoined(pages: readonly Page[]): Promise<void> {
  for (const page of pages) await expect.poll(() => stateOf(page)).toEqual({ name: 'joined' })
}

async function tell(demo: Demo, pages: readonly Page[], about: string): Promise<void> {
  createNotifier(demo.io).topic(TOPIC, 'profile_updated', { about })
  for (const page of pages) await expect.poll(() => page.evaluate(() => window.abouts.at(-1))).toBe(about)
}

test('five tabs: the server sees one join and one leave, and an event reaches all', async ({ topical }) => {
  const { bank, log } = topical
  await bank.signIn()
  const pages = await bank.openTabs(5)
  for (const page of pages) await join(page)
  await allJoined(pages)
  expect(log).toEqual([`join ${TOPIC}`])
  await tell(bank.demo, pages, 'one')

  const [first, second, ...others] = pages
  await first?.close()
  await second?.reload()
  for (const page of others.slice(1)) await leave(page)
  // Everything that was sent before this has arrived.
  await expect.poll(() => others[0] && status(others[0])).toMatchObject({ tabs: 4 })
  // Longer than a hub waits before it leaves a topic: the one tab that is still in it would miss the next word.
  await sleep(1_500)
  await tell(bank.demo, others.slice(0, 1), 'two')
  expect(log).toEqual([`join ${TOPIC}`])
  if (others[0]) await leave(others[0])
  await expect.poll(() => log).toEqual([`join ${TOPIC}`, `leave ${TOPIC}`])
  expect(bank.demo.stats).toMatchObject({ openSockets: 1, connections: 1 })
})

test('the leader is closed: its successor joins again', async ({ topical }) => {
  const { bank, log } = topical
  await bank.signIn()
  const pages = await bank.openTabs(3, '?host=leader-tab')
  for (const page of pages) await join(page)
  await allJoined(pages)
  const roles = await Promise.all(pages.map(async (page) => (await status(page)).role))
  const followers = pages.filter((_page, index) => roles[index] === 'follower')
  await pages[roles.indexOf('leader')]?.close()
  await expect.poll(() => log).toEqual([`join ${TOPIC}`, `join ${TOPIC}`])
  await allJoined(followers)
  await tell(bank.demo, followers, 'after the leader')
})

test('the server is killed and started again: the topic is joined again', async ({ topical, server }) => {
  const { bank } = topical
  await bank.signIn()
  const pages = await bank.openTabs(3)
  for (const page of pages) await join(page)
  await allJoined(pages)
  await bank.demo.close()
  for (const page of pages) await expect.poll(() => stateOf(page)).toEqual({ name: 'away' })
  const { port, sessions } = bank.demo
  const second = await start({ port, sessions, database: server.database })
  try {
    await allJoined(pages)
    expect(second.log).toEqual([`join ${TOPIC}`])
    await tell(second.demo, pages, 'after the restart')
    for (const page of pages) expect(await errorCodes(page)).not.toContain('topic-failed')
  } finally {
    await bank.context.close()
    await second.demo.close()
  }
})

test('a refused topic has its state, and nothing else is affected', async ({ topical }) => {
  const { bank, log } = topical
  await bank.signIn()
  const pages = await bank.openTabs(2)
  const [page, other] = pages
  if (!page || !other) throw new Error('two tabs')
  await join(page, 'project:43')
  for (const one of pages) await join(one)
  await expect.poll(() => stateOf(page, 'project:43')).toEqual({ name: 'refused', reason: 'not your project' })
  await allJoined(pages)
  await tell(bank.demo, pages, 'one')
  expect([...log].sort()).toEqual([`join ${TOPIC}`, 'join project:43'])
  expect(await errorCodes(page)).toEqual(['topic-refused'])
  expect(await errorCodes(other)).toEqual([])

  createNotifier(bank.demo.io).endTopic('1', TOPIC, 'archived')
  for (const one of pages) await expect.poll(() => stateOf(one)).toEqual({ name: 'refused', reason: 'archived' })
  await expect.poll(() => bank.demo.io.of('/').adapter.rooms.has(`topic:${TOPIC}`)).toBe(false)
  expect((await status(page)).name).toBe('connected')
})
