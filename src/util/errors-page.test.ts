import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ERRORS_PAGE } from './errors.js'

const ROOT = resolve(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const withoutCode = (text: string) => text.replace(/^```[\s\S]*?^```$/gm, '')
const matchesOf = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, one = '']) => one)

/** As GitHub makes them of headings. */
const anchorsOf = (path: string) =>
  matchesOf(withoutCode(read(path)), /^#+ (.+)$/gm).map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )

const page = read(ERRORS_PAGE)
const codes = matchesOf(read('src/util/errors.ts').split('/** What `onError`')[0] ?? '', /^ {2}\| '([a-z-]+)'$/gm)

describe('the page of errors', () => {
  it('has one section for each code, and for nothing else', () => {
    expect(codes.length).toBeGreaterThan(30)
    expect(matchesOf(withoutCode(page), /^### (.+)$/gm).sort()).toEqual([...codes].sort())
  })

  it('leads to what is there', () => {
    for (const link of matchesOf(page, /\]\(([^)]+)\)/g)) {
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? ERRORS_PAGE : join(dirname(ERRORS_PAGE), path)
      expect(existsSync(join(ROOT, target)), link).toBe(true)
      if (anchor !== undefined) expect(anchorsOf(target), link).toContain(anchor)
    }
  })

  it('names in its list of hints those that are marked as such', () => {
    const marked = matchesOf(page, /^### (.+)\n\n\*A hint\.\*/gm)
    const hints = page.slice(page.indexOf('## Hints'))
    expect(matchesOf(hints, /\[([a-z-]+)\]\(#/g).sort()).toEqual([...marked, 'no-touches'].sort())
  })

  it('ships with the package', () => {
    expect(JSON.parse(read('package.json')).files).toContain('docs/*.md')
  })
})
