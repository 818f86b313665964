// TypeDoc counts some names twice: its links then lead to `#name-1`, where the page has `#name` alone. Mends them in docs/api.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { slug } from 'github-slugger'

const pages = new Map(
  readdirSync('api', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => [join('api', name), readFileSync(join('api', name), 'utf8')]),
)
/** How many headings of a page have an anchor. */
const countOf = (text, anchor) =>
  [...text.matchAll(/^#+ (.+)$/gm)].filter(([, title]) => slug(title.replace(/\\(.)/g, '$1')) === anchor).length

for (const [path, text] of pages) {
  const mended = text.replace(/\]\(([\w./-]*)#([\w-]+)-1\)/g, (link, to, anchor) => {
    const target = to === '' ? path : join(dirname(path), to)
    return countOf(pages.get(target) ?? '', anchor) === 1 ? `](${to}#${anchor})` : link
  })
  if (mended !== text) writeFileSync(path, mended)
}
