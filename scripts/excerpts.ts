/**
 * Pages show files of examples/, which the end-to-end tests run. A block of code is such a file, or a part of it, if the line above says so:
 * "`main.py` of [examples/fastapi](…):" or "From `views.py` of [examples/django](…):". `node --import tsx scripts/excerpts.ts` writes the
 * whole files into the pages once more, after an example has changed.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const BLOCK = /^((From )?`([\w./[\]-]+)` of \[(examples\/[\w-]+)\]\([^)]*\):\n\n```\w+\n)([\s\S]*?)(^```$)/gm

export interface Excerpt {
  /** Where the code stands in the repository. */
  readonly path: string
  readonly isPart: boolean
  readonly code: string
}

export const excerptsOf = (page: string): Excerpt[] =>
  [...page.matchAll(BLOCK)].map(([, , from, file, folder, code = '']) => ({
    path: `${folder}/${file}`,
    isPart: from !== undefined,
    code,
  }))

/** The page's other text: its excerpts have compilers and tests of their own. */
export const withoutExcerpts = (page: string): string => page.replace(BLOCK, '')

/** Whether each whole line of a part stands in the file, in one piece. */
export const isPartOf = (part: string, text: string): boolean => `\n${text}`.includes(`\n${part}`)

if (process.argv[1]?.endsWith('excerpts.ts'))
  for (const name of readdirSync('docs').filter((one) => one.endsWith('.md'))) {
    const path = join('docs', name)
    const page = readFileSync(path, 'utf8')
    const written = page.replace(BLOCK, (block, head: string, from, file, folder, _code, end: string) =>
      from === undefined ? head + readFileSync(join(folder, file), 'utf8') + end : block,
    )
    if (written !== page) writeFileSync(path, written)
  }
