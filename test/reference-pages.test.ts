import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'

const ROOT = resolve(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const matchesOf = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, one = '']) => one)

/** The text from the declaration of a type to its end, without comments. */
const declarationOf = (path: string, name: string): string => {
  const text = read(path).replace(/\/\*\*[\s\S]*?\*\//g, '')
  const [declaration = ''] =
    new RegExp(`^(export )?(interface|type) ${name}\\b[\\s\\S]*?\\n(?=\\S|$)`, 'm').exec(text) ?? []
  return declaration
}
const fieldsOf = (path: string, name: string) => matchesOf(declarationOf(path, name), /^ {2}readonly (\w+)\??:/gm)
const literalsOf = (path: string, name: string) => matchesOf(declarationOf(path, name), /'([\w-]+)'/g)

/** The first cells of the table below a title, or below its own head. */
const rowsOf = (path: string, title: string) => {
  const [, section = ''] = read(path).split(title)
  const [table = ''] = /(^\|.*\n)+/m.exec(section) ?? []
  return matchesOf(table, /^\| `(\w+)` \|/gm)
}
const namesIn = (path: string, row: string) =>
  matchesOf(new RegExp(`^\\| \`${row}\` \\|(.*)\\|$`, 'm').exec(read(path))?.[1] ?? '', /`([\w-]+)`/g)

const OPTIONS = 'docs/options.md'
const STATUS = 'docs/status.md'
const SERVER = 'docs/server.md'

it.each<readonly [page: string, title: string, fields: readonly string[]]>([
  [OPTIONS, '## createPartyline', fieldsOf('src/tab/options.ts', 'PartylineOptions')],
  [OPTIONS, '## mount', fieldsOf('src/tab/mounts.ts', 'MountOptions')],
  [SERVER, '### All options', fieldsOf('src/server/sessions.ts', 'SessionsOptions')],
  [STATUS, '## Status', ['name', 'reason', ...fieldsOf('src/wire/status.ts', 'Standing')]],
  [STATUS, '## Receipts', fieldsOf('src/invalidation/receipt.ts', 'Receipt')],
  [STATUS, '| cause | when |', literalsOf('src/invalidation/receipt.ts', 'ReceiptCause')],
])('%s has in its table "%s" each field of the type, and no other', (page, title, fields) => {
  expect(fields.length).toBeGreaterThan(2)
  expect(rowsOf(page, title).sort()).toEqual([...fields].sort())
})

it('has every state and every host of a status', () => {
  expect(namesIn(STATUS, 'name').sort()).toEqual(literalsOf('src/wire/status.ts', 'Status').sort())
  expect(
    namesIn(STATUS, 'host')
      .filter((name) => name !== 'undefined')
      .sort(),
  ).toEqual(literalsOf('src/wire/status.ts', 'Host').sort())
})

it('has every outcome among the fields of a receipt', () => {
  const outcomes = literalsOf('src/invalidation/receipt.ts', 'Outcome')
  expect(outcomes).toContain('refetched')
  expect(rowsOf(STATUS, '## Receipts')).toEqual(expect.arrayContaining(outcomes))
})
