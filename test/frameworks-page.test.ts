import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { FRAMEWORKS } from '../scripts/frameworks.js'

const ROOT = resolve(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

/** Each block of code with the file that it says it is. */
const blocks = [
  ...read('docs/frameworks.md').matchAll(/^`([\w./]+)` of \[(examples\/\w+)\]\(.*\):\n\n```\w+\n([\s\S]*?)^```$/gm),
].map(([, file = '', folder = '', code = '']) => ({ path: `${folder}/${file}`, code }))

it('shows files of every framework’s example', () => {
  for (const name of FRAMEWORKS) expect(blocks.some(({ path }) => path.startsWith(`examples/${name}/`))).toBe(true)
})

// The examples are built and opened by e2e/frameworks.spec.ts: so what is pasted from the page runs.
it.each(blocks)('shows $path as it is', ({ path, code }) => expect(code).toBe(read(path)))

it('shows one file for all three that is the same in all three', () => {
  const [first, ...others] = FRAMEWORKS.map((name) => read(`examples/${name}/src/line.ts`))
  expect(others).toEqual([first, first])
})
