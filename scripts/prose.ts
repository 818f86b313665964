/**
 * `npm run prose -- [FILE …] [--all]`: how the documentation and the comments in src/ and worker/ read. Sentences of more than 30 words,
 * words that are not ours, dead links and anchors, and pages that the site does not list are faults. `--all` prints every page's
 * figures, not only the sum.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { TextlintKernel, type TextlintKernelRule } from '@textlint/kernel'
import markdown from '@textlint/textlint-plugin-markdown'
import { slug } from 'github-slugger'
import { split } from 'sentence-splitter'
import { StringSource } from 'textlint-util-to-string'
import { GUIDES, REFERENCE } from '../docs/.vitepress/pages.js'
import { faultsOf, PAGE_TURNS, TURNS, WORDS, wordsOf } from './prose-words.js'

const MAX_MEDIAN_WORDS = 14
const MAX_README_WORDS = 900
/** Where so few sentences stand, a median says nothing. */
const MIN_SENTENCES = 12

const { values, positionals } = parseArgs({ options: { all: { type: 'boolean' } }, allowPositionals: true })
const pages = readdirSync('docs').filter((name) => name.endsWith('.md'))
const files =
  positionals.length > 0
    ? positionals
    : [
        'README.md',
        'SECURITY.md',
        'CONTRIBUTING.md',
        'CHANGELOG.md',
        ...pages.map((page) => `docs/${page}`),
        ...readdirSync('skills').map((name) => `skills/${name}/SKILL.md`),
        ...readdirSync('examples')
          .map((name) => `examples/${name}/README.md`)
          .filter((path) => existsSync(path)),
      ]
const kernel = new TextlintKernel()
const faults: string[] = []
const allCounts: number[] = []
const median = (counts: readonly number[]) => [...counts].sort((one, other) => one - other)[counts.length >> 1] ?? 0

for (const file of files) {
  const counts: number[] = []
  let words = 0
  const { messages } = await kernel.lintText(readFileSync(file, 'utf8'), {
    ext: '.md',
    filePath: file,
    plugins: [{ pluginId: 'markdown', plugin: markdown.default }],
    rules: [{ ruleId: 'sentences', rule: createSentenceRule((count) => counts.push(count)) }],
  })
  words = counts.reduce((sum, count) => sum + count, 0)
  allCounts.push(...counts)
  for (const { message, loc } of messages) faults.push(`${file}:${loc.start.line}  ${message}`)
  if (counts.length >= MIN_SENTENCES && median(counts) > MAX_MEDIAN_WORDS)
    faults.push(`${file}  half of its sentences have more than ${MAX_MEDIAN_WORDS} words: ${median(counts)}`)
  if (file === 'README.md' && words > MAX_README_WORDS) faults.push(`${file}  ${words} words of ${MAX_README_WORDS}`)
  if (values.all)
    console.log(
      `${file.padEnd(30)} ${words} words, ${counts.length} sentences, median ${median(counts)}, longest ${Math.max(0, ...counts)}`,
    )
}

if (positionals.length === 0) {
  checkComments()
  const listed = [...GUIDES, ...REFERENCE].flatMap(({ items }) => items.map(({ link }) => `${link.slice(1)}.md`))
  for (const page of pages)
    if (page !== 'index.md' && !listed.includes(page)) faults.push(`docs/${page}  is not in docs/.vitepress/pages.ts`)
  for (const page of listed)
    if (!page.startsWith('api/') && !pages.includes(page))
      faults.push(`docs/.vitepress/pages.ts  docs/${page} is missing`)
}

/** The anchors of a page's headings, as the host of the code makes them. */
const anchorsOf = (text: string) =>
  [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    slug(title.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*_]/g, '')),
  )

for (const file of files) {
  const text = readFileSync(file, 'utf8')
  for (const [, link = ''] of text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)) {
    const [path = '', anchor] = link.split('#')
    const target = path === '' ? file : join(dirname(file), decodeURIComponent(path))
    if (!existsSync(target)) faults.push(`${file}  dead link: ${link}`)
    else if (anchor && statSync(target).isFile() && !anchorsOf(readFileSync(target, 'utf8')).includes(anchor))
      faults.push(`${file}  dead anchor: ${link}`)
  }
}

for (const fault of faults) console.error(fault)
console.log(
  `${files.length} pages, ${allCounts.length} sentences, median ${median(allCounts)} words, longest ${Math.max(0, ...allCounts)}: ${faults.length} faults`,
)
process.exitCode = faults.length > 0 ? 1 : 0

/** Those of modules that an entry point exports are read in editors, by users: they are held to all that holds for a page. */
function checkComments(): void {
  const sources = ['src', 'worker']
    .flatMap((room) => readdirSync(room, { recursive: true, encoding: 'utf8' }).map((name) => join(room, name)))
    .filter((path) => /(?<!\.(test|test-d|harness))\.tsx?$/.test(path))
  const entries = sources.filter((path) => path.endsWith('/index.ts'))
  const shown = entries.flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/from '(\.[^']+)\.js'/g)].map(([, from = '']) => join(dirname(path), from)),
  )
  for (const path of sources) {
    const text = readFileSync(path, 'utf8')
    const check = (prose: string, index: number, turns: typeof WORDS) => {
      const line = text.slice(0, index).split('\n').length
      for (const part of prose.replace(/`[^`]*`/g, 'x').split(/\n(?:\n|- )/))
        for (const { type, raw } of split(part.replace(/\s+/g, ' ').trim()))
          if (type === 'Sentence') faults.push(...faultsOf(raw, turns).map((fault) => `${path}:${line}  ${fault}`))
    }
    const turns = shown.includes(path.replace(/\.tsx?$/, '')) ? TURNS : WORDS
    for (const { 1: comment = '', index } of text.matchAll(/\/\*\*([\s\S]*?)\*\//g))
      check(
        comment
          .replace(/^[ \t]*\* ?/gm, '')
          .replace(/^```[\s\S]*?^```/gm, '')
          .replace(/^@.*/gm, ''),
        index,
        turns,
      )
    // Remarks to tools are no sentences.
    for (const { 0: lines, index } of text.matchAll(/(?:^[ \t]*\/\/ (?!biome-|@ts-).*\n)+/gm))
      check(lines.replace(/^[ \t]*\/\/ /gm, ''), index, WORDS)
  }
}

/** Code and quotations count as one word each: they are no sentences of ours. */
function createSentenceRule(onSentence: (words: number) => void): TextlintKernelRule['rule'] {
  return ({ Syntax, report, RuleError }) => {
    const check = (node: Parameters<typeof report>[0]) => {
      const source = new StringSource(node as never, {
        replacer: ({ node: part, maskValue }) => (part.type === Syntax.Code ? maskValue('x') : undefined),
      })
      for (const sentence of split(source.toString())) {
        if (sentence.type !== 'Sentence') continue
        // A cell of a table is seldom a sentence: it would say nothing in a median.
        if (node.type === Syntax.Paragraph) onSentence(wordsOf(sentence.raw))
        for (const fault of faultsOf(sentence.raw, PAGE_TURNS)) report(node, new RuleError(fault))
      }
    }
    return { [Syntax.Paragraph]: check, [Syntax.TableCell]: check, [Syntax.Header]: check }
  }
}
