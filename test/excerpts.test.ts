import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { BACKENDS } from '../scripts/backends.js'
import { excerptsOf, isPartOf } from '../scripts/excerpts.js'
import { FRAMEWORKS } from '../scripts/frameworks.js'

const ROOT = resolve(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const excerpts = readdirSync(join(ROOT, 'docs'))
  .filter((name) => name.endsWith('.md'))
  .flatMap((page) => excerptsOf(read(`docs/${page}`)).map((excerpt) => ({ page, ...excerpt })))
const isShown = (page: string, folder: string) =>
  excerpts.some((excerpt) => excerpt.page === page && excerpt.path.startsWith(`${folder}/`))

it('shows files of every framework’s example', () => {
  for (const name of FRAMEWORKS) expect(isShown('frameworks.md', `examples/${name}`), name).toBe(true)
})

it('has a page for every backend of examples/, with its file, and the index links it', () => {
  const names = new Set(['django', ...BACKENDS.map(({ name }) => name)])
  for (const name of names) {
    expect(existsSync(join(ROOT, `docs/backend-${name}.md`)), name).toBe(true)
    expect(isShown(`backend-${name}.md`, `examples/${name}`), name).toBe(true)
    expect(read('docs/backends.md')).toContain(`(backend-${name}.md)`)
  }
})

// The examples run in the end-to-end tests: so what is pasted from a page runs.
it.each(excerpts)('$page shows $path as it is', ({ path, isPart, code }) => {
  if (isPart) expect(isPartOf(code, read(path)), code).toBe(true)
  else expect(code).toBe(read(path))
})

it('quotes in the README of examples/django lines that stand there', () => {
  const blocks = [...read('examples/django/README.md').matchAll(/^```python\n# (\S+\.py).*\n([\s\S]*?)^```$/gm)]
  expect(blocks).toHaveLength(4)
  for (const [, path = '', lines = ''] of blocks) expect(read(`examples/django/${path}`)).toContain(lines.trim())
})

it('shows one file for all three frameworks that is the same in all three', () => {
  const [first, ...others] = FRAMEWORKS.map((name) => read(`examples/${name}/src/line.ts`))
  expect(others).toEqual([first, first])
})
