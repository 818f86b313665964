import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { AxeBuilder } from '@axe-core/playwright'
import { test as base, expect, type Page } from '@playwright/test'
import { Missing, orMissing } from '../scripts/service.js'
import { buildSite, fileOf, measureAccessibility, serveSite } from '../scripts/site.js'

// The site of docs/ as it is published.

interface Site {
  readonly folder: string
  readonly url: string
}

const test = base.extend<{ site: Site }, { built: Site | Missing }>({
  built: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures that are needed off this pattern.
    async ({}, use) => {
      const built = await orMissing(buildSite())
      if (built instanceof Missing) return void (await use(built))
      const served = await serveSite(built.folder)
      await use({ folder: built.folder, url: served.url })
      served.close()
      built.remove()
    },
    { scope: 'worker', timeout: 600_000 },
  ],
  site: async ({ built }, use) => {
    if (built instanceof Missing) return void test.skip(true, built.message)
    await use(built)
  },
})
// Bounds, not measures: axe looks at every element of long pages, four times.
test.setTimeout(480_000)

/** Takes a picture of every page at more sizes, in both schemes, where this names a folder. */
const SHOTS = process.env['SHOTS']
const SIZES = [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
]
const MORE_SIZES = [
  { width: 1366, height: 657 },
  { width: 1024, height: 768 },
]

async function openSearch(page: Page): Promise<void> {
  await page.keyboard.press('Control+k')
  await page.locator('.VPLocalSearchBox input').fill('gap')
  await expect(page.locator('.VPLocalSearchBox .result').first()).toBeVisible()
}

const LOOKS: Readonly<Record<string, { readonly path: string; readonly before?: (page: Page) => Promise<void> }>> = {
  home: { path: '/' },
  'a guide': { path: '/getting-started' },
  errors: { path: '/errors' },
  'the API': { path: '/api/partyline/react' },
  'a page that is not there': { path: '/nowhere' },
  'the open search': { path: '/how-it-works', before: openSearch },
}

for (const [name, { path, before }] of Object.entries(LOOKS)) {
  test(`axe finds nothing in ${name}, light and dark, wide and narrow`, async ({ page, site }) => {
    await page.goto(`${site.url}${path}`)
    // The site has begun to live: before, a key is nobody's.
    await page.waitForFunction(() => '__vue_app__' in Object(document.querySelector('#app')))
    await before?.(page)
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await expect(page.locator('html.dark')).toHaveCount(colorScheme === 'dark' ? 1 : 0)
      for (const size of SHOTS ? [...SIZES, ...MORE_SIZES] : SIZES) {
        await page.setViewportSize(size)
        await page.evaluate(() => Promise.allSettled(document.getAnimations().map(({ finished }) => finished)))
        const what = `${name}-${size.width}-${colorScheme}`
        if (SHOTS) await page.screenshot({ path: `${SHOTS}/${what.replaceAll(' ', '-')}.png` })
        const scrolls = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
        expect.soft(scrolls, `${what} scrolls sideways`).toBeLessThanOrEqual(0)
        if (!SIZES.includes(size)) continue
        const { violations } = await new AxeBuilder({ page }).analyze()
        expect
          .soft(
            violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]),
            what,
          )
          .toEqual([])
      }
    }
  })
}

for (const path of ['/', '/getting-started', '/errors', '/api/'])
  test(`Lighthouse gives ${path} 100 for accessibility`, async ({ site }) => {
    expect(await measureAccessibility(site.url + path)).toEqual({ score: 100, failed: [] })
  })

test('no link of the built site is dead, and no anchor', ({ site: { folder } }) => {
  const pages = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.html'))
  expect(pages.length).toBeGreaterThan(45)
  const contents = new Map(pages.map((name) => [join(folder, name), readFileSync(join(folder, name), 'utf8')]))
  const dead = [...contents].flatMap(([file, text]) => {
    const own = `/${relative(folder, file)}`
    const links = [...text.matchAll(/ (?:href|src|srcset)="([^"]+)"/g)].map(([, link = '']) =>
      link.replaceAll('&amp;', '&'),
    )
    return links.flatMap((link) => {
      const { host, pathname, hash } = new URL(link, `http://site${own}`)
      if (host !== 'site') return []
      const target = fileOf(folder, decodeURIComponent(pathname))
      const id = decodeURIComponent(hash.slice(1))
      const isThere = target && (id === '' || contents.get(target)?.includes(` id="${id}"`))
      return isThere ? [] : [`${own}: ${link}`]
    })
  })
  expect([...new Set(dead)]).toEqual([])
})

test('what a page tells you to copy is there, as it is tested', async ({ page, site }) => {
  await page.goto(`${site.url}/backend-go`)
  const downloading = page.waitForEvent('download')
  await page.getByRole('link', { name: 'line.go' }).first().click()
  const saved = await (await downloading).path()
  expect(readFileSync(saved, 'utf8')).toBe(readFileSync(join(import.meta.dirname, '../examples/go/line.go'), 'utf8'))

  await page.goto(`${site.url}/backend-django`)
  await page.locator('a[href="/examples/django/line/"]').first().click()
  await expect(page.getByRole('heading')).toHaveText('examples/django/line')
  await expect(page.getByRole('link', { name: 'consumer.py' })).toBeVisible()
})

test('llms.txt names pages that are there as Markdown', ({ site: { folder } }) => {
  const links = [...readFileSync(join(folder, 'llms.txt'), 'utf8').matchAll(/\]\(([^)]+)\)/g)].map(
    ([, link = '']) => link,
  )
  expect(links.length).toBeGreaterThan(30)
  expect(links.filter((link) => !fileOf(folder, link))).toEqual([])
})
