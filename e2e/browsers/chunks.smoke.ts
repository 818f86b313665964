import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { isMissing } from '../../scripts/browsers.js'
// What the page offers to tests: `window.app`.
import type {} from '../app/main.js'
import { type AppServer, buildApp, startAppServer } from '../app-server.js'
import type { Driver, Tab } from './driver.js'
import { launchFirefox } from './firefox.js'

const { firefox } = inject('browsers')

// A module map keeps what could not be fetched, for the page's life: Firefox does as the specification says.
describe.skipIf(isMissing(firefox))('code that could not be fetched, in Firefox', () => {
  let site: Awaited<ReturnType<typeof buildApp>>
  let server: AppServer
  let driver: Driver

  beforeAll(async () => {
    if (isMissing(firefox)) return
    site = await buildApp()
    driver = await launchFirefox(firefox)
  })
  afterAll(async () => {
    await driver?.quit()
    await server?.close()
    site?.remove()
  })
  beforeEach(async () => {
    await server?.close()
    server = await startAppServer({ folder: site.folder })
  })

  /** The first request for a file of this name is answered with a 503. */
  function failOnce(name: string): () => number {
    let requests = 0
    server.instead = (path) => (path.includes(`/${name}`) && requests++ === 0 ? { status: 503 } : undefined)
    return () => requests
  }
  const open = (parameters: string) => driver.open(`${server.url}/?user=ann&${parameters}`)
  const status = (tab: Tab) => tab.evaluate(() => window.app.line.status)
  const connected = (tab: Tab) => expect.poll(async () => (await status(tab)).name).toBe('connected')

  it('one 503 for the hub is not final for a follower that has to lead', async () => {
    const leader = await open('host=leader-tab')
    await connected(leader)
    const requests = failOnce('tab-hub')
    const follower = await open('host=leader-tab')
    await connected(follower)
    expect((await status(follower)).role).toBe('follower')
    await leader.close()
    // It is connected as a follower until it hears of the leader's end.
    await expect
      .poll(async () => {
        const { name, role } = await status(follower)
        return { name, role }
      })
      .toEqual({ name: 'connected', role: 'leader' })
    expect(requests()).toBeGreaterThan(1)
    await follower.close()
  })

  it('nor one for the session', async () => {
    const requests = failOnce('session')
    const tab = await open('')
    await connected(tab)
    expect(requests()).toBeGreaterThan(1)
    await tab.close()
  })
  it('nor a file that was gone, and reported as such, when it is there again', async () => {
    const leader = await open('host=leader-tab')
    await connected(leader)
    server.instead = (path) => (path.includes('/tab-hub') ? { status: 404 } : undefined)
    const follower = await open('host=leader-tab')
    await connected(follower)
    await leader.close()
    const reports = () => follower.evaluate(() => window.app.errors.filter(({ code }) => code === 'stale-build').length)
    await expect.poll(reports).toBe(1)
    server.instead = () => undefined
    await expect.poll(async () => (await status(follower)).role).toBe('leader')
    await connected(follower)
    expect(await reports()).toBe(1)
    await follower.close()
  })
})
