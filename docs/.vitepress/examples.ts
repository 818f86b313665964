import { cpSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')
/** What builds and package managers leave behind. */
const LEFT_OUT =
  /^(node_modules|dist|\.next|__pycache__|package-lock\.json|next-env\.d\.ts|db\.sqlite3.*|data\.json.*)$/

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
const namesIn = (folder: string): readonly string[] => readdirSync(folder).filter((name) => !LEFT_OUT.test(name))

/** A page of an example is there to be read, not to be opened. */
const servedName = (name: string): string => (name.endsWith('.html') ? `${name}.txt` : name)

/** The site's path of a file or folder of examples/; undefined for anything else. */
export function examplePath(path: string): string | undefined {
  const from = relative(root, path)
  const isThere = statSync(path, { throwIfNoEntry: false }) !== undefined
  if (!isThere || !/^examples(\/|$)/.test(from)) return undefined
  return isFolder(path) ? `/${from}/` : `/${servedName(from)}`
}

/** Copies the examples, to be read and downloaded, and gives each folder a page that lists it. */
export function writeExamples(outDir: string, from = 'examples'): void {
  const folder = join(root, from)
  mkdirSync(join(outDir, from), { recursive: true })
  const names = namesIn(folder)
  for (const name of names) {
    if (isFolder(join(folder, name))) writeExamples(outDir, `${from}/${name}`)
    else cpSync(join(folder, name), join(outDir, from, servedName(name)))
  }
  writeFileSync(join(outDir, from, 'index.html'), listOf(from, names))
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

function listOf(from: string, names: readonly string[]): string {
  const rows = names.map((name) => {
    const shown = isFolder(join(root, from, name)) ? `${name}/` : name
    return `<li><a href="${escaped(encodeURIComponent(servedName(name)))}${shown === name ? '' : '/'}">${escaped(shown)}</a></li>`
  })
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>${escaped(from)}, Partyline</title>
    <style>body { font: 1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere }</style>
  </head>
  <body>
    <main>
      <h1>${escaped(from)}</h1>
      <p><a href="/">Partyline</a>. The package has these files, too: <code>node_modules/partyline/${escaped(from)}</code>.</p>
      <ul>${rows.join('')}</ul>
    </main>
  </body>
</html>
`
}
