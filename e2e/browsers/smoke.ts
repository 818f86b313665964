import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { isMissing, type Missing } from '../../scripts/browsers.js'
import { type Bank, errorCodes, openBank, status } from './bank.js'
import type { Driver, Tab } from './driver.js'
import { WITHOUT_SHARED_WORKER } from './site.js'

const TABS = 3

/** The same list for every engine: one socket, fan-out, closed tabs, no SharedWorker, takeover. */
export function smoke<B extends object>(engine: string, browser: B | Missing, launch: (browser: B) => Promise<Driver>) {
  if (isMissing(browser)) {
    it.skip(`${engine}: ${browser.missing}`)
    return
  }

  describe(engine, () => {
    let bank: Bank

    beforeAll(async () => {
      bank = await openBank(() => launch(browser))
      console.log(`${engine}: ${bank.driver.version}`)
    })
    afterAll(() => bank?.close())
    beforeEach(() => bank.demo.stats.reset())
    afterEach(() => bank.closeTabs())

    it('gives three tabs one socket', async () => {
      const tabs = await bank.openTabs(TABS)
      await expectShared(tabs, 'shared-worker')
      expect(bank.demo.stats).toMatchObject({ openSockets: 1, connections: 1 })
      for (const tab of tabs) {
        expect((await status(tab)).steps).toEqual([])
        expect(await errorCodes(tab)).toEqual([])
      }
    })

    it('shows a payment in all three tabs', async () => {
      const tabs = await bank.openTabs(TABS)
      await bank.payAndSee(tabs)
      expect(bank.demo.stats).toMatchObject({ openSockets: 1, connections: 1 })
    })

    it('goes on as tabs are closed', async () => {
      const tabs = await bank.openTabs(TABS)
      // Down to the last one: WebKit runs the worker in the process of some tab, and restarts it when that tab is closed.
      while (tabs.length > 1) {
        await tabs.shift()?.close()
        await expectShared(tabs, 'shared-worker')
        await bank.payAndSee(tabs)
        await expectShared(tabs, 'shared-worker')
      }
    })

    it('shows the tabs and an event in the devtools', async () => {
      const tabs = await bank.openTabs(TABS)
      const [inspected] = tabs as [Tab]
      const inPanel = (view: string, selector: string) => inspected.evaluate(lookIntoPanel, view, selector)
      await expect.poll(() => inPanel('tabs', '.tabs-of-hub li')).toHaveLength(TABS)
      await bank.payAndSee(tabs)
      await expect
        .poll(() => inPanel('events', '.row'))
        .toContainEqual(expect.stringMatching(/transaction_happened.*refetched/))
      expect(await errorCodes(inspected)).toEqual([])
    })

    it('gives tabs without SharedWorker one socket', async () => {
      const tabs = await bank.openTabs(TABS, WITHOUT_SHARED_WORKER)
      for (const tab of tabs) {
        const [step] = (await status(tab)).steps
        expect(step).toEqual({ host: 'shared-worker', reason: 'this browser has no SharedWorker' })
      }
      await expectShared(tabs, 'leader-tab')
      await bank.payAndSee(tabs)
      expect(bank.demo.stats).toMatchObject({ openSockets: 1, connections: 1 })
    })

    it('has exactly one successor when the leader is closed', async () => {
      let tabs = await bank.openTabs(TABS, WITHOUT_SHARED_WORKER)
      // Down to the last one: the second leader is a successor itself.
      while (tabs.length > 1) {
        await expectShared(tabs, 'leader-tab')
        const { leader, followers } = await rolesOf(tabs)
        const { connections } = bank.demo.stats
        await leader.close()
        await expectShared(followers, 'leader-tab')
        await bank.payAndSee(followers)
        // Also afterwards: there is no second leader, and no further connection was opened and closed.
        await expectShared(followers, 'leader-tab')
        expect(bank.demo.stats).toMatchObject({ openSockets: 1, connections: connections + 1 })
        tabs = followers
      }
    })

    it('gives tabs with and without SharedWorker one socket', async () => {
      const leader = await bank.openTabs(1, WITHOUT_SHARED_WORKER)
      const others = await bank.openTabs(TABS - 1)
      await expectShared([...leader, ...others], 'leader-tab')
      await bank.payAndSee([...leader, ...others])
      expect(bank.demo.stats).toMatchObject({ openSockets: 1, connections: 1 })
      await leader[0]?.close()
      // The standby worker takes over.
      await expectShared(others, 'shared-worker')
      await bank.payAndSee(others)
      expect(bank.demo.stats).toMatchObject({ openSockets: 1, connections: 2 })
    })

    /** All at one connected hub, with one socket at the server and, if tabs have roles, one leader. */
    async function expectShared(tabs: readonly Tab[], host: 'shared-worker' | 'leader-tab'): Promise<void> {
      const look = async () => {
        const all = await Promise.all(tabs.map(status))
        return {
          sockets: bank.demo.stats.openSockets,
          hubs: new Set(all.map(({ epoch }) => epoch)).size,
          leaders: all.filter(({ role }) => role === 'leader').length,
          tabs: all.map(({ name, host, tabs }) => ({ name, host, tabs })),
        }
      }
      await expect.poll(look, { message: 'the tabs and the server' }).toEqual({
        sockets: 1,
        hubs: 1,
        leaders: host === 'leader-tab' ? 1 : 0,
        tabs: tabs.map(() => ({ name: 'connected', host, tabs: tabs.length })),
      })
    }
  })
}

async function rolesOf(tabs: readonly Tab[]): Promise<{ leader: Tab; followers: Tab[] }> {
  const roles = await Promise.all(tabs.map(async (tab) => (await status(tab)).role))
  const leader = tabs[roles.indexOf('leader')]
  if (!leader) throw new Error(`no leader among ${roles.join(', ')}`)
  return { leader, followers: tabs.filter((tab) => tab !== leader) }
}

/** The texts of what the selector finds in a view of the devtools, which it opens. Runs in the page. */
function lookIntoPanel(view: string, selector: string): string[] {
  const root = document.querySelector('partyline-devtools')?.shadowRoot
  if (!root) document.querySelector<HTMLElement>('[data-testid=btn-inspect]')?.click()
  root?.querySelector<HTMLElement>(`#tab-${view}[aria-selected=false]`)?.click()
  return Array.from(root?.querySelectorAll(selector) ?? [], ({ textContent }) => textContent ?? '')
}
