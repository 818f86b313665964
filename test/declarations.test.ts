import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { withoutHiddenComments } from '../scripts/declarations.js'

it('keeps the comments of what an entry point leads to, and of nothing else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'partyline-declarations-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const [entry, module] = [join(folder, 'index.d.ts'), join(folder, 'module.d.ts')]
  const hidden = '/** Hidden. */\nexport interface Hidden {\n    /** Hidden field. */\n    readonly one: string;\n}\n'
  const named =
    '/** Named. */\nexport interface Named extends Reached {\n    /** Field. */\n    readonly one: string;\n}\n'
  const reached = '/** Reached. */\ninterface Reached {\n    /** Reached field. */\n    readonly two: string;\n}\n'
  writeFileSync(entry, "/** The entry. */\nexport type { Named } from './module.js';\n")
  writeFileSync(module, hidden + named + reached)
  const texts = withoutHiddenComments([entry, module], [entry])
  expect(texts.get(entry)).toContain('The entry.')
  expect(texts.get(module)).toBe(`export interface Hidden {\n    readonly one: string;\n}\n${named}${reached}`)
})
