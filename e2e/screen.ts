import { AxeBuilder } from '@axe-core/playwright'
import { expect, type Page } from '@playwright/test'

/** Takes a picture of every state at every size, in both schemes, where this names a folder. */
const SHOTS = process.env['SHOTS']

/** Texts that lie on each other, that are cut off, or that say less than nothing; and whether the page scrolls sideways. */
export const faultsOf = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const faults: string[] = []
    /** What floats over the page lies on it, and nothing in it on itself. */
    const floating = scrollY > 0 ? ['fixed', 'sticky'] : ['fixed']
    const layerOf = (element: Element | null): Element | null =>
      element && !floating.includes(getComputedStyle(element).position) ? layerOf(element.parentElement) : element

    const look = (doc: Document, where: string) => {
      const walker = doc.createTreeWalker(doc.body, NodeFilter.SHOW_TEXT)
      const texts: { text: string; box: DOMRect; layer: Element | null }[] = []
      while (walker.nextNode()) {
        const { currentNode: node } = walker
        const parent = node.parentElement
        const text = node.textContent?.trim() ?? ''
        if (!text || !parent?.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true })) continue
        if (parent.closest('script, noscript, select')) continue
        const style = getComputedStyle(parent)
        if (style.clipPath !== 'none' || parent.closest('.visually-hidden')) continue
        const range = doc.createRange()
        range.selectNodeContents(node)
        const layer = layerOf(parent)
        for (const box of range.getClientRects()) if (box.width > 0) texts.push({ text, box, layer })
        if (/^[-−]\d/.test(text)) faults.push(`${where}: negative: ${text}`)
        const isCut = parent.scrollWidth > parent.clientWidth + 1 && style.display !== 'inline'
        if (isCut && style.textOverflow !== 'ellipsis') faults.push(`${where}: cut off: ${text}`)
      }
      texts.forEach((one, index) => {
        for (const other of texts.slice(index + 1)) {
          if (one.layer !== other.layer) continue
          const across = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left)
          const down = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top)
          if (across > 1 && down > 2) faults.push(`${where}: '${one.text}' lies on '${other.text}'`)
        }
      })
    }
    look(document, 'page')
    for (const frame of document.querySelectorAll('iframe')) {
      if (frame.contentDocument?.body) look(frame.contentDocument, frame.title)
    }
    if (document.documentElement.scrollWidth > innerWidth) faults.push('the page scrolls sideways')
    return faults
  })

/** Wider lines, as WCAG 1.4.12 lets people set them. A constructed sheet needs no leave from the page's policy. */
export const spaceTexts = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(
      '* { letter-spacing: 0.12em !important; line-height: 1.5 !important; word-spacing: 0.16em !important } p { margin-bottom: 2em !important }',
    )
    document.adoptedStyleSheets.push(sheet)
  })

/** Looks at the page as it stands, in both schemes: no fault, and nothing for axe. `exclude`: what axe passes over. */
async function lookAt(page: Page, name: string, isBetween: boolean, exclude: string | undefined): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    // A colour that is still changing has the contrast of none: none may begin to change while axe looks.
    await page.evaluate(() =>
      Promise.allSettled(
        document
          .getAnimations()
          .filter(({ effect }) => effect?.getTiming().iterations !== Number.POSITIVE_INFINITY)
          .map(({ finished }) => finished),
      ),
    )
    const what = `${name}-${page.viewportSize()?.width}-${colorScheme}`
    if (SHOTS) await page.screenshot({ path: `${SHOTS}/${what}.png`, fullPage: false })
    expect.soft(await faultsOf(page), what).toEqual([])
    // Colours are the same at every width.
    if (isBetween && colorScheme === 'dark') continue
    const axe = exclude === undefined ? new AxeBuilder({ page }) : new AxeBuilder({ page }).exclude(exclude)
    const { violations } = await axe.analyze()
    expect
      .soft(
        violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]),
        what,
      )
      .toEqual([])
  }
}

/** The same at each size, the widest and the narrowest of which are the first and the last. `before`: what a size needs first. */
export async function lookAtSizes(
  page: Page,
  name: string,
  sizes: readonly { readonly width: number; readonly height: number }[],
  { before, exclude }: { readonly before?: () => Promise<void>; readonly exclude?: string } = {},
): Promise<void> {
  for (const [index, size] of sizes.entries()) {
    await page.setViewportSize(size)
    await before?.()
    await lookAt(page, name, index > 0 && index < sizes.length - 1, exclude)
  }
}
