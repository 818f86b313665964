import { readFile } from 'node:fs/promises'
import { rollingRestart } from '../demo/cluster/cluster.js'
import type { Drained, SocketEvent } from '../demo/cluster/node.js'
import { configOf, PROXIES, type ProxyKind } from '../scripts/proxies.js'
import { Missing, orMissing } from '../scripts/service.js'
import { feed } from './bank-processes.js'
import { mostAtOnce, type OpenCluster, openCluster, type Watched } from './cluster-browsers.js'
import { expect, test } from './fixtures.js'

/** Over how many ms the browsers of a process move. */
const SPREAD = 2_000
/** Per second. The cluster shares the machine with ten tabs. */
const WRITES = 15
/** For all three users together. */
const ACCOUNTS = ['11', '12', '21', '31', '33']

/** Of each user's first browser. */
const TABS = { 1: 2, 2: 1, 3: 1 }

const kinds = Object.keys(PROXIES) as ProxyKind[]

test('docs/deploy.md shows the load balancers’ configurations that are run here', async () => {
  const text = await readFile(new URL('../docs/deploy.md', import.meta.url), 'utf8')
  const shown = [...text.matchAll(/```(?:haproxy|nginx)\n([\s\S]*?)```/g)].map(([, config]) => config)
  expect(shown.sort()).toEqual(kinds.map(configOf).sort())
})

for (const kind of kinds) {
  test.describe(`three processes behind ${kind}`, () => {
    test.describe.configure({ mode: 'serial' })
    let open: OpenCluster

    test.beforeAll(async ({ browser }) => {
      const started = await orMissing(openCluster({ proxy: kind }))
      if (started instanceof Missing) return test.skip(true, started.message)
      open = started
      // One user in several browsers, until each process has one of them; and others.
      for (const [userId, tabs] of Object.entries(TABS)) await open.open(browser, userId, tabs)
      const atAll = () => new Set(open.browsers.filter((one) => one.userId === '1').flatMap(open.nodesOf)).size === 3
      while (!atAll() && open.browsers.length < 10) await open.open(browser, '1', 1)
      expect(atAll()).toBe(true)
    })
    test.afterAll(async () => {
      await open?.close()
    })

    test('a write at any process reaches the tabs at every other one, and no other user’s', async () => {
      const mine = open.browsers.filter(({ userId }) => userId === '1')
      const others = open.browsers.filter(({ userId }) => userId !== '1').flatMap(({ pages }) => pages)
      for (const page of others) {
        await page.evaluate(() => {
          Object.assign(window, { heard: 0 })
          window.ledger.line.onReceipt(() => Object.assign(window, { heard: 1 }))
        })
      }
      for (const { options, number } of open.cluster.nodes) {
        const [payer] = mine
        const answer = await payer?.context.request.post(`http://127.0.0.1:${options.port}/api/payments`, {
          data: { fromAccountId: '11', amount: 100 + number, counterparty: `Through process ${number}` },
        })
        expect(answer?.status()).toBe(201)
        for (const { pages } of mine) {
          for (const page of pages) {
            await expect(page.getByTestId('tx-row').first()).toContainText(`Through process ${number}`)
          }
        }
      }
      await open.converged()
      for (const page of others) expect(await page.evaluate(() => Reflect.get(window, 'heard'))).toBe(0)
      expect(mostAtOnce(open.journal)).toBe(1)
    })

    // The browsers decide what happens then, so one kind of load balancer is enough.
    if (kind === 'haproxy')
      test('a process that is killed under writes: its browsers move, and every tab converges', async () => {
        const feeding = feed(open.database, ACCOUNTS, WRITES)
        const lives = (await open.watched()).map(({ born }) => born)
        // The one that relays the outbox, then another one that has sockets.
        for (const isNext of [
          (node: OpenCluster['cluster']['nodes'][number]) => node.isRelaying,
          (node: OpenCluster['cluster']['nodes'][number]) => !node.isRelaying && node.openSockets > 0,
        ]) {
          const find = () => open.cluster.nodes.find(isNext)
          await expect.poll(find).toBeDefined()
          const node = find()
          if (!node) throw new Error('the process is gone')
          await node.kill()
          for (const one of open.browsers) await expect.poll(() => open.nodesOf(one)).toHaveLength(1)
          await expect.poll(() => open.cluster.nodes.filter(({ isRelaying }) => isRelaying).length).toBe(1)
          await node.start()
        }
        const fed = await feeding.stop()
        await open.converged()
        const watched = await open.watched()
        expect(watched.map(({ born }) => born)).toEqual(lives)
        for (const { statuses } of watched) expect(statuses).not.toContain('unauthorized')
        expect(mostAtOnce(open.journal)).toBe(1)
        // Also a browser that had received no event yet had a cursor to be replayed from.
        const gaps = watched.flatMap((tab) => tab.gaps)
        // Unless the server was too busy to answer within two seconds.
        expect(gaps).not.toContain('the connection was lost and made again')
        console.log(`${kind}: two processes killed; ${fed}; ${watched.length} tabs, ${gaps.length} gaps`)
      })

    test('a rolling restart under writes: browsers move, and nothing is lost', async () => {
      const before = await open.watched()
      const began = open.journal.length
      const feeding = feed(open.database, ACCOUNTS, WRITES)
      const drained: (Drained & { readonly node: number })[] = []
      await rollingRestart(open.cluster, SPREAD, ({ number: node }, result) => drained.push({ ...result, node }))
      const fed = await feeding.stop()
      await open.converged()

      const moves = open.journal.slice(began)
      const opened = moves.filter((event) => event.open)
      const had = drained.reduce((sum, one) => sum + one.had, 0)
      // Each process moved all of its sockets, closed none by force, and refused none.
      expect(had).toBeGreaterThan(0)
      expect(drained.map(({ left, refused }) => [left, refused])).toEqual(drained.map(() => [0, 0]))
      // Each of them reconnected once. No other browser did, unless a process was too busy to answer within two seconds.
      const isMove = ({ open, node, at }: SocketEvent) =>
        !open && drained.some((one) => one.node === node && one.began <= at && at <= one.ended)
      const lost = moves.filter((event) => !event.open && !isMove(event))
      expect(moves.filter(isMove)).toHaveLength(had)
      expect(opened).toHaveLength(had + lost.length)
      expect(mostAtOnce(open.journal)).toBe(1)
      expect(open.cluster.nodes.reduce((sum, node) => sum + node.openSockets, 0)).toBe(open.browsers.length)

      const after = await open.watched()
      expect(after.map(({ born }) => born)).toEqual(before.map(({ born }) => born))
      for (const { statuses, errors } of after) {
        expect(statuses).not.toContain('unauthorized')
        expect(statuses).not.toContain('signed-out')
        // A process that was killed may have been tried once more.
        expect(errors.filter((code) => code !== 'connect-failed')).toEqual([])
      }
      for (const node of open.cluster.nodes) expect((await node.count()).refused).toBe(0)
      // Where another process recovered the session, missed events were replayed: no tab had to fetch for a gap.
      const torn = new Set(opened.filter(({ recovered }) => !recovered).map(({ session }) => session))
      expect(torn.size).toBeLessThan(open.browsers.length)
      const gaps = (tabs: readonly Watched[]) => tabs.filter(({ session }) => !torn.has(session)).map((tab) => tab.gaps)
      expect(gaps(after)).toEqual(gaps(before))
      const recovered = opened.filter((event) => event.recovered).length
      console.log(`${kind}: ${had} sockets moved, ${lost.length} were lost, ${recovered} recovered; ${fed}`)
    })
  })
}
