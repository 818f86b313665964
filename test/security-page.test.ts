import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'

const ROOT = resolve(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

/** Of a table's last cell: the files, each with the titles of its tests that follow it. */
const claims = [...read('SECURITY.md').matchAll(/\[[\w-]+\]\(((?:src|e2e)\/[\w./-]+)\)((?:,? "[^"]+")*)/g)].flatMap(
  ([, path = '', titles = '']) => [...titles.matchAll(/"([^"]+)"/g)].map(([, title = '']) => ({ path, title })),
)

it('names a test for most attacks', () => expect(claims.length).toBeGreaterThan(20))

it.each(claims)('$path has the test: $title', ({ path, title }) => {
  const titles = read(path).replaceAll("\\'", "'")
  expect(titles).toContain(title)
})
