import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { expect, it } from 'vitest'
import { BUNDLERS } from '../scripts/consumers/bundlers.js'
import { withoutExcerpts } from '../scripts/excerpts.js'
import { ASGI, DJANGO } from '../scripts/python.js'

// The snippets of the pages that no compiler reads: commands, and SQL.

const ROOT = resolve(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const pages = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs')).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : [])),
  ...readdirSync(join(ROOT, 'skills')).map((name) => `skills/${name}/SKILL.md`),
]
const blocksOf = (page: string, language: string) =>
  [...withoutExcerpts(read(page)).matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, code = '']) => code,
  )
const commands = pages.flatMap((page) =>
  blocksOf(page, 'sh')
    .flatMap((block) => block.split(/\n|&&/))
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '')
    .map((command) => ({ page, command })),
)

const manifests = [
  'package.json',
  ...readdirSync(join(ROOT, 'examples')).map((name) => `examples/${name}/package.json`),
]
const packages = new Set(
  manifests
    .filter((path) => existsSync(join(ROOT, path)))
    .flatMap((path) => {
      const { dependencies = {}, devDependencies = {} } = JSON.parse(read(path)) as Record<string, object>
      return Object.keys({ ...dependencies, ...devDependencies })
    }),
)
const { version, scripts, exports } = JSON.parse(read('package.json')) as {
  version: string
  scripts: Record<string, string>
  exports: Record<string, unknown>
}
const exported = Object.values(exports)
/** Those of Debian, whose names say more, stand for those of pip. */
const pip = [...DJANGO.packages, ...ASGI.packages].map((name) => name.replace(/^python3-(django-(?=channels))?/, ''))
const bundled = BUNDLERS.flatMap(({ builds = [] }) => builds.flat())

/** Whether a command's words are known here: packages that the tests install, files that are there, scripts that run. */
function isKnown(command: string): boolean {
  const [program = '', ...words] = command.split(/\s+/)
  if (program === 'cd') return words.length === 1
  if (program === 'cp') return exported.includes((words[0] ?? '').replace('node_modules/partyline/', './'))
  if (program === 'npm' && words[0] === 'install')
    return words.slice(1).every((name) => packages.has(name) || name === `../partyline/partyline-${version}.tgz`)
  if (program === 'npm' && words[0] === 'create') return words[1] === 'vite@latest'
  if (program === 'npm') return ['ci', 'pack'].includes(words[0] ?? '') || (words.at(-1) ?? '') in scripts
  if (program === 'pip') return words.slice(1).every((name) => pip.includes(name.replace(/^python-/, '')))
  if (program === 'go') return read('examples/go/go.mod').includes(words[1] ?? '')
  if (program === 'esbuild')
    return words.every(
      (word) => !word.startsWith('--') || bundled.some((one) => one.startsWith(word.replace(/=public.*/, ''))),
    )
  return false
}

it.each(commands)('$page: $command', ({ command }) => expect(isKnown(command)).toBe(true))

it('has code in no language that nothing checks', () => {
  // TypeScript: scripts/pack.ts. Load balancers: e2e/cluster.spec.ts. Without a language: a console's lines, no code.
  const checked = ['', 'ts', 'tsx', 'js', 'diff', 'sh', 'sql', 'haproxy', 'nginx']
  const languages = pages.flatMap((page) =>
    [...withoutExcerpts(read(page)).matchAll(/^```(\w*)\n[\s\S]*?^```$/gm)].map(([, language = '']) => language),
  )
  expect([...new Set(languages)].filter((language) => !checked.includes(language))).toEqual([])
})

it('runs the SQL of docs/outbox.md', async () => {
  const database = new PGlite()
  await database.exec('create table accounts (id int, balance int); insert into accounts values (7, 100)')
  await database.exec(read('examples/outbox/schema.sql'))
  const [change = '', behind = ''] = blocksOf('docs/outbox.md', 'sql')
  await database.exec(change)
  // As the relay leaves it that has handed on all before.
  await database.exec('update outbox.state set relayed = 0')
  const [result] = await database.exec(behind)
  expect(result?.rows).toEqual([{ behind: 1 }])
  expect((await database.query('select balance from accounts')).rows).toEqual([{ balance: 110 }])
  await database.close()
})
