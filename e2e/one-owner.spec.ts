import type { BrowserContext, CDPSession } from '@playwright/test'
import { atRest, type Bank, bankAt, errorCodes, expect, origin, type Page, status, test } from './fixtures.js'

const withoutSharedWorker = (context: BrowserContext) =>
  context.addInitScript(() => void Reflect.deleteProperty(window, 'SharedWorker'))

/** Every tab shows the balance of the database, over one socket. */
async function converged(bank: Bank, pages: readonly Page[]): Promise<void> {
  await expect.poll(() => bank.demo.stats.openSockets).toBe(1)
  const answer = await bank.context.request.get(`${bank.demo.url}/api/accounts/11/balance`)
  const balance: unknown = await answer.json()
  for (const page of pages) {
    const cached = () =>
      page.evaluate(
        () =>
          window.ledger.queryClient
            .getQueryCache()
            .getAll()
            .find((query) => query.queryKey[0] === 'balance' && query.queryKey[1] === '11')?.state.data,
      )
    await expect.poll(cached).toEqual(balance)
  }
}

const leaders = async (pages: readonly Page[]) => {
  const all = await Promise.all(pages.map(status))
  return pages.filter((_page, index) => all[index]?.role === 'leader')
}

test('ten tabs without SharedWorker: one leads, one socket, and followers load the hub’s code when idle', async ({
  bank,
}) => {
  await withoutSharedWorker(bank.context)
  await bank.signIn()
  const pages = await bank.openTabs(10)
  expect(bank.demo.stats).toMatchObject({ openSockets: 1, connections: 1 })
  expect(await leaders(pages)).toHaveLength(1)
  for (const page of pages) {
    await expect.poll(async () => (await status(page)).tabs).toBe(10)
    const { host, steps } = await status(page)
    expect({ host, steps }).toEqual({
      host: 'leader-tab',
      steps: [{ host: 'shared-worker', reason: 'this browser has no SharedWorker' }],
    })
    // A follower may have to lead when a deploy has removed the file.
    const loadedHub = () =>
      page.evaluate(() => performance.getEntriesByType('resource').some((entry) => entry.name.includes('tab-hub')))
    await expect.poll(loadedHub).toBe(true)
    expect(await errorCodes(page)).toEqual([])
  }
  await bank.pay(111)
  await converged(bank, pages)
})

test('the leader is closed ten times in a row: one successor each time, and every tab converges', async ({ bank }) => {
  await withoutSharedWorker(bank.context)
  await bank.signIn()
  let pages = await bank.openTabs(12)
  for (let time = 1; time <= 10; time++) {
    const [leader] = await leaders(pages)
    if (!leader) throw new Error('no leader')
    pages = pages.filter((page) => page !== leader)
    await leader.close()
    await bank.pay(time * 10)
    await expect.poll(async () => (await leaders(pages)).length).toBe(1)
    for (const page of pages) {
      await expect.poll(async () => (await status(page)).name).toBe('connected')
      await expect.poll(async () => (await status(page)).tabs).toBe(pages.length)
    }
    await converged(bank, pages)
  }
})

test('a hub chunk that can not be loaded for a moment leaves no second socket', async ({ bank }) => {
  await withoutSharedWorker(bank.context)
  await bank.signIn()
  const [leader] = await bank.openTabs(1)
  if (!leader) throw new Error('one tab')
  // From the page's first moment: a follower loads the hub's code before it needs it.
  const follower = await bank.context.newPage()
  let refused = 0
  await follower.route('**/tab-hub*', (route) => (refused++ === 0 ? route.abort() : route.continue()))
  await follower.goto(bankAt(bank.demo.url))
  await atRest(follower)
  await leader.close()
  // It is connected as a follower until it hears of the leader's end.
  const leads = { name: 'connected', host: 'leader-tab', role: 'leader' }
  await expect.poll(() => status(follower)).toMatchObject(leads)
  expect(refused).toBeGreaterThan(1)
  const next = await bank.open()
  await expect.poll(async () => (await status(next)).role).toBe('follower')
  await expect.poll(() => bank.demo.stats.openSockets).toBe(1)
})

test('another tab takes over from a leader that crashes', async ({ bank }) => {
  await withoutSharedWorker(bank.context)
  await bank.signIn()
  const pages = await bank.openTabs(3)
  const [leader] = await leaders(pages)
  if (!leader) throw new Error('no leader')
  const session = await bank.context.newCDPSession(leader)
  void session.send('Page.crash').catch(() => undefined)
  const rest = pages.filter((page) => page !== leader)
  await bank.pay(222)
  await expect.poll(async () => (await leaders(rest)).length).toBe(1)
  await converged(bank, rest)
})

test('mixed: tabs with the worker and tabs without share its one socket', async ({ bank }) => {
  await bank.signIn()
  const withWorker = await bank.openTabs(2)
  await withoutSharedWorker(bank.context)
  const without = await bank.openTabs(2)
  const pages = [...withWorker, ...without]
  for (const page of pages) {
    await expect.poll(async () => (await status(page)).tabs).toBe(4)
    expect((await status(page)).host).toBe('shared-worker')
  }
  expect(bank.demo.stats).toMatchObject({ openSockets: 1, connections: 1 })
  await bank.pay(333)
  await converged(bank, pages)
  // The worker's last own tabs close. No tab at a port is left to give it credentials, so a tab has to lead.
  for (const page of withWorker) await page.close()
  await bank.context.request.post(`${bank.demo.url}/api/demo/cut`)
  await expect.poll(async () => (await leaders(without)).length).toBe(1)
  await bank.pay(334)
  await converged(bank, without)
})

test('a worker that comes second stands by, and its tabs return to it when the leader is closed', async ({ bank }) => {
  await bank.signIn()
  const [leader] = await bank.openTabs(1, '?host=leader-tab')
  const pages = await bank.openTabs(2)
  for (const page of pages) expect(await status(page)).toMatchObject({ host: 'leader-tab', role: 'follower' })
  expect(bank.demo.stats).toMatchObject({ openSockets: 1, connections: 1 })
  await leader?.close()
  for (const page of pages) {
    await expect.poll(async () => (await status(page)).host).toBe('shared-worker')
    await expect.poll(async () => (await status(page)).name).toBe('connected')
  }
  await bank.pay(444)
  await converged(bank, pages)
})

test('two deploys with two worker files share one socket', async ({ bank }) => {
  await bank.signIn()
  // The second deploy's worker has another URL, so it is another worker.
  const old = await bank.openTabs(2)
  await bank.context.addInitScript(() => {
    const Native = window.SharedWorker
    window.SharedWorker = class extends Native {
      constructor(url: string | URL, options?: string | WorkerOptions) {
        super(`${url}?deploy=2`, options)
      }
    }
  })
  const next = await bank.openTabs(2)
  const pages = [...old, ...next]
  expect(bank.demo.stats).toMatchObject({ openSockets: 1, connections: 1 })
  await bank.pay(555)
  await converged(bank, pages)
  for (const page of old) await page.close()
  await bank.pay(556)
  await converged(bank, next)
})

async function hang(session: CDPSession): Promise<void> {
  // Not awaited: the page would answer only when it no longer hangs.
  void session.send('Runtime.evaluate', { expression: 'const until = Date.now() + 60000; while (Date.now() < until);' })
}

test('a leader that hangs loses its leadership, and steps down when it resumes', async ({ bank }) => {
  await withoutSharedWorker(bank.context)
  await bank.signIn()
  const pages = await bank.openTabs(3)
  const [leader] = await leaders(pages)
  if (!leader) throw new Error('no leader')
  const rest = pages.filter((page) => page !== leader)
  await hang(await bank.context.newCDPSession(leader))
  await expect.poll(async () => (await leaders(rest)).length).toBe(1)
  const payee = await bank.pay(666)
  for (const page of rest) {
    await expect(page.getByTestId('tx-row').first()).toContainText(payee)
    await atRest(page)
  }
  // The former leader resumes, learns that its leadership was stolen, and follows.
  await expect.poll(async () => (await status(leader)).role).toBe('follower')
  await converged(bank, pages)
  expect(await leaders(pages)).toHaveLength(1)
  expect(new Set(await Promise.all(pages.map(origin))).size).toBe(3)
})

test('a tab takes over from a worker that hangs, and the worker does not open a second socket', async ({
  bank,
  browser,
}) => {
  await bank.signIn()
  const pages = await bank.openTabs(2)
  const session = await browser.newBrowserCDPSession()
  const { targetInfos } = await session.send('Target.getTargets')
  const worker = targetInfos.find((target) => target.type === 'shared_worker' && target.url.startsWith(bank.demo.url))
  const { sessionId } = await session.send('Target.attachToTarget', {
    targetId: worker?.targetId ?? '',
    flatten: false,
  })
  const expression = 'const until = Date.now() + 60000; while (Date.now() < until);'
  const message = JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression } })
  void session.send('Target.sendMessageToTarget', { sessionId, message }).catch(() => undefined)
  for (const page of pages) {
    await expect.poll(async () => (await status(page)).host).toBe('leader-tab')
    await expect.poll(async () => (await status(page)).name).toBe('connected')
    expect(await errorCodes(page)).toContain('call-timeout')
  }
  expect(await leaders(pages)).toHaveLength(1)
  await bank.pay(777)
  // Also when the worker has resumed and noticed.
  await expect.poll(() => bank.demo.stats.openSockets).toBe(1)
  await converged(bank, pages)
})
