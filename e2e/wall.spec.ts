import { test as base, expect, type Page } from '@playwright/test'
import { type Demo, startDemo } from '../demo/server/server.js'
import type { Half, WallView } from '../demo/server/wall.js'
// What a tile offers to its wall: `window.tile`.
import type { TileState } from '../demo/src/wall/place.js'
import { lookAtSizes } from './screen.js'

const SIZES = [
  { width: 1440, height: 900 },
  { width: 1024, height: 768 },
  { width: 720, height: 900 },
  { width: 390, height: 844 },
]
/** The tabs that play hidden ones. */
const HIDDEN = 3
const TILES = 12

/** An open wall, and what its server says of it. */
class OpenWall {
  constructor(
    readonly page: Page,
    readonly url: string,
    readonly id: string,
  ) {}

  async view(): Promise<WallView> {
    return (await this.page.request.get(`${this.url}/api/wall/${this.id}`)).json()
  }

  press(name: string | RegExp): Promise<void> {
    return this.page.getByRole('button', { name }).click()
  }

  /** The data stands still from here on. */
  async pause(): Promise<void> {
    await this.press('Pause')
    await expect.poll(async () => (await this.view()).eventsPerSecond).toBe(0)
  }

  frames(half: Half) {
    return this.page.frames().filter((frame) => frame.url().includes(`half=${half}`))
  }

  async tiles(half: Half): Promise<TileState[]> {
    const states = await Promise.all(this.frames(half).map((frame) => frame.evaluate(() => window.tile?.read())))
    return states.flatMap((state) => state ?? [])
  }

  /** How many tiles have loaded, are let in, and have data. The server counts a socket before it is let in. */
  async ready(half: Half): Promise<number> {
    return (await this.tiles(half)).filter(({ data, isConnected }) => data && isConnected).length
  }

  async sockets(): Promise<[left: number, right: number]> {
    const { left, right } = (await this.view()).counts
    return [left.sockets, right.sockets]
  }

  /** How many tiles show what is in the database now. */
  async fresh(half: Half): Promise<number> {
    const [{ database }, tiles] = [await this.view(), await this.tiles(half)]
    return tiles.filter(({ data }) => data?.version === database.version && data.amount === database.amount).length
  }
}

const test = base.extend<{ wall: OpenWall }, { server: Demo }>({
  server: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures that are needed off this pattern.
    async ({}, use) => {
      const demo = await startDemo()
      await use(demo)
      await demo.close()
    },
    { scope: 'worker' },
  ],
  wall: async ({ server, page }, use) => {
    const opened = page.waitForResponse((response) => response.url().endsWith('/api/wall'))
    await page.goto(server.url)
    const { id } = (await (await opened).json()) as { id: string }
    const wall = new OpenWall(page, server.url, id)
    for (const half of ['left', 'right'] as const) await expect.poll(() => wall.ready(half)).toBe(TILES)
    await expect.poll(() => wall.sockets()).toEqual([TILES, 1])
    await use(wall)
    // Its tiles are work for two cores.
    await page.close()
  },
})

const verdict = (page: Page, half: Half) => page.getByTestId(`verdict-${half}`)
const ALL_AGREE = 'All 12 tiles agree with the database'

test('twelve sockets against one, and both halves agree with the database after a burst', async ({ wall }) => {
  const { page } = wall
  const before = await wall.view()
  await wall.press('Burst of 500')
  await wall.pause()
  const { events } = await wall.view()
  expect(events).toBeGreaterThanOrEqual(before.events + 500)

  await expect.poll(() => wall.fresh('left')).toBe(TILES)
  await expect.poll(() => wall.fresh('right')).toBe(TILES - HIDDEN)
  expect(await wall.sockets()).toEqual([TILES, 1])
  const { left, right } = (await wall.view()).counts
  // Each event goes to twelve sockets, or to one.
  expect(left.messages).toBeGreaterThan(TILES * 500)
  expect(right.messages).toBeLessThan(2 * events)
  expect(right.requests).toBeLessThan(left.requests)
  expect(right.bytes).toBeLessThan(left.bytes)
  // The page shows what the server has counted.
  await expect(page.getByTestId('left-sockets')).toHaveText('12')
  await expect(page.getByTestId('right-sockets')).toHaveText('1')

  // Nobody sees three of them: they know that they are old, and fetch when they are shown.
  const hidden = (await wall.tiles('right')).filter(({ act }) => act === 'hidden')
  expect(hidden.map(({ isStale }) => isStale)).toEqual([true, true, true])
  await wall.press('Hide 3 tabs')
  await expect.poll(() => wall.fresh('right')).toBe(TILES)
  for (const half of ['left', 'right'] as const) await expect(verdict(page, half)).toHaveText(ALL_AGREE)
})

test('the tabs of one half share one hub, and without a SharedWorker the next tab owns the socket', async ({
  wall,
}) => {
  const roles = async () => (await wall.tiles('right')).map(({ hub }) => hub).sort()
  await expect.poll(roles).toEqual(Array(TILES).fill('shared-worker'))
  await wall.press('No SharedWorker')
  const oneLeads = [...Array(TILES - 1).fill('follower'), 'leader']
  await expect.poll(roles).toEqual(oneLeads)
  await expect.poll(() => wall.sockets()).toEqual([TILES, 1])
  await expect.poll(() => wall.ready('right')).toBe(TILES)
  const { connections } = (await wall.view()).counts.right

  await wall.press('Close the owner')
  await expect.poll(async () => (await wall.view()).counts.right.connections).toBeGreaterThan(connections)
  await expect.poll(roles).toEqual(oneLeads)
  await expect.poll(() => wall.sockets()).toEqual([TILES, 1])
})

test('after a restart of the server the shared half agrees again, though no event comes any more', async ({ wall }) => {
  // The page plays a burst of its own, some seconds after its tiles agree: its events would mend what this is about.
  await expect.poll(async () => (await wall.view()).events).toBeGreaterThanOrEqual(100)
  await wall.pause()
  // On a machine that hangs for as long as the server is away, the change comes too late, and the server goes away once more.
  await expect(async () => {
    await wall.page.request.post(`${wall.url}/api/wall/${wall.id}/restart`)
    await expect.poll(() => wall.sockets(), { timeout: 3_000 }).toEqual([0, 0])
    // Of this change no socket tells.
    await wall.page.request.post(`${wall.url}/api/wall/${wall.id}/burst`, { data: { count: 1 } })
    expect(await wall.sockets()).toEqual([0, 0])
  }).toPass()
  await expect.poll(() => wall.sockets(), { timeout: 90_000 }).toEqual([TILES, 1])
  await expect.poll(() => wall.fresh('right'), { timeout: 90_000 }).toBe(TILES - HIDDEN)
})

test('while the API is down the tiles say that they are old, and then fetch by themselves', async ({ wall }) => {
  const { page } = wall
  await wall.press('API down for 10 s')
  for (const half of ['left', 'right'] as const) await expect(verdict(page, half)).toContainText(/and shows? it/)
  await wall.pause()
  await expect.poll(async () => (await wall.view()).apiDownForMs).toBe(0)
  await expect.poll(() => wall.fresh('right'), { timeout: 90_000 }).toBe(TILES - HIDDEN)
})

test('a frozen tab waits, and catches up when it goes on', async ({ wall }) => {
  await wall.press('Freeze tab 5')
  const frozen = async (half: Half) => (await wall.tiles(half)).filter(({ act }) => act === 'frozen').length
  for (const half of ['left', 'right'] as const) expect(await frozen(half)).toBe(1)
  await wall.press('Burst of 500')
  await wall.pause()
  await expect.poll(() => wall.fresh('right')).toBe(TILES - HIDDEN - 1)
  await wall.press('Freeze tab 5')
  await expect.poll(() => wall.fresh('right')).toBe(TILES - HIDDEN)
})

test('it works by keyboard, and tells a summary to those who listen', async ({ wall }) => {
  const { page } = wall
  const names: string[] = []
  for (let stop = 0; stop < 10; stop++) {
    await page.keyboard.press('Tab')
    names.push(await page.evaluate(() => document.activeElement?.textContent || document.activeElement?.id || ''))
  }
  expect(names.slice(0, 4)).toEqual(['Open the bank', 'Pause', 'rate', 'Burst of 500'])
  expect(names[9]).toBe('No SharedWorker')
  await page.getByRole('slider', { name: /Events a second/ }).press('End')
  await expect.poll(async () => (await wall.view()).eventsPerSecond).toBe(50)
  await page.getByRole('slider').press('Home')
  await expect.poll(async () => (await wall.view()).eventsPerSecond).toBe(0.1)
  await expect(page.getByTestId('summary')).toContainText('Partyline: 1 socket,')
})

/** From here on the page's body says how many animations were begun. */
function countAnimations(): void {
  const { animate } = Element.prototype
  document.body.dataset['animated'] = '0'
  Element.prototype.animate = function (...given) {
    document.body.dataset['animated'] = String(Number(document.body.dataset['animated']) + 1)
    return animate.apply(this, given)
  }
}

test('nothing moves for those who asked for no motion', async ({ wall }) => {
  const { page } = wall
  await page.emulateMedia({ reducedMotion: 'reduce' })
  for (const frame of page.frames()) await frame.evaluate(countAnimations)
  const { events } = await wall.view()
  await expect.poll(async () => (await wall.view()).events).toBeGreaterThan(events + 2)
  await expect.poll(() => wall.fresh('right')).toBeGreaterThan(0)
  for (const frame of page.frames()) expect(await frame.evaluate(() => document.body.dataset['animated'])).toBe('0')
})

const STATES: readonly (readonly [name: string, enter: (wall: OpenWall) => Promise<void>])[] = [
  ['at rest', async () => {}],
  [
    'while the API is down',
    async ({ page, ...wall }) => {
      await page.request.post(`${wall.url}/api/wall/${wall.id}/stop-api`)
      await expect(verdict(page, 'right')).toContainText(/and shows? it/)
    },
  ],
  [
    'while the server restarts',
    async (wall) => {
      await expect(async () => {
        await wall.page.request.post(`${wall.url}/api/wall/${wall.id}/restart`)
        await expect(wall.page.getByTestId('left-sockets')).toHaveText('0', { timeout: 3_000 })
      }).toPass()
    },
  ],
]

for (const [name, enter] of STATES) {
  test(`no text lies on another, and axe finds nothing, ${name}`, async ({ wall }) => {
    const { page } = wall
    // One tile stands for all of them.
    const exclude = '.place:not(:first-child) iframe'
    await lookAtSizes(page, `wall ${name}`, SIZES, { before: () => enter(wall), exclude })
  })
}
