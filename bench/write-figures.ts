import { readFileSync, writeFileSync } from 'node:fs'

const pageOf = (page: string) => new URL(`../${page}`, import.meta.url)
const END = '<!-- end of the figures -->'

function place(page: string, by: string): { readonly text: string; readonly from: number; readonly to: number } {
  const text = readFileSync(pageOf(page), 'utf8')
  const begin = `<!-- figures: ${by} -->`
  const from = text.indexOf(begin) + begin.length
  const to = text.indexOf(END, from)
  if (from < begin.length || to === -1) throw new Error(`${page} has no place for the figures: ${begin}`)
  return { text, from, to }
}

/** Puts figures into a page, between the comments that name the script which measured them. */
export function writeFigures(page: string, by: string, figures: string): void {
  const { text, from, to } = place(page, by)
  writeFileSync(pageOf(page), `${text.slice(0, from)}\n\n${figures}\n\n${text.slice(to)}`)
}

/** What stands there now. */
export function readFigures(page: string, by: string): string {
  const { text, from, to } = place(page, by)
  return text.slice(from, to).trim()
}
