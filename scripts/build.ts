/**
 * Builds the package: `tsc` emits the modules, Vite bundles the worker and the panel of the devtools into one self-contained file each.
 * What nobody can import is dropped, and modules are minified, but for the names of what they declare: with comments and source maps the
 * package had 4 MB. Declarations keep the comments that an editor can show.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { minifySync } from 'vite'
import { withoutHiddenComments } from './declarations.js'

rmSync('dist', { recursive: true, force: true })
for (const [command, ...args] of [
  ['tsc', '-p', 'tsconfig.build.json'],
  ['vite', 'build', '--mode', 'worker', '--logLevel', 'warn'],
  ['vite', 'build', '--mode', 'devtools', '--logLevel', 'warn'],
] as const) {
  execFileSync(command, args, { stdio: 'inherit' })
}

// The bundle stands for these modules, and nobody imports its types.
rmSync('dist/devtools/panel', { recursive: true })
rmSync('dist/devtools/panel.d.ts')

const BUNDLED = ['dist/worker.js', 'dist/devtools/panel.js']
/** A module that another one names: statically, lazily, or as a worker's address. */
const NAMED = /(?:from|import|URL|module)\s*\(?\s*['"](\.[^'"]+)['"]/g

/** All files that can be reached from those that package.json exports. */
function reachable(): Set<string> {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: object }
  const found = new Set<string>()
  const visit = (path: string) => {
    if (found.has(path) || !existsSync(path)) return
    found.add(path)
    if (BUNDLED.includes(path)) return
    for (const [, name = ''] of readFileSync(path, 'utf8').matchAll(NAMED)) {
      const to = join(dirname(path), name)
      visit(path.endsWith('.d.ts') ? to.replace(/\.js$/, '.d.ts') : to)
    }
  }
  for (const [, path = ''] of JSON.stringify(exports).matchAll(/"\.\/(dist\/[^"]+)"/g)) visit(path)
  return found
}

const kept = reachable()
for (const name of readdirSync('dist', { recursive: true, encoding: 'utf8' })) {
  const path = join('dist', name)
  if (!/\.(js|d\.ts)$/.test(path)) continue
  if (!kept.has(path)) rmSync(path)
  else if (path.endsWith('.js') && !BUNDLED.includes(path)) minify(path)
}

const declarations = [...kept].filter((path) => path.endsWith('.d.ts'))
const entries = declarations.filter((path) => readFileSync('package.json', 'utf8').includes(`"./${path}"`))
for (const [path, text] of withoutHiddenComments(declarations, entries)) writeFileSync(path, withTabs(text))

/** `tsc` indents by four spaces. */
function withTabs(text: string): string {
  return text.replace(/^( {4})+/gm, (spaces) => '\t'.repeat(spaces.length / 4))
}

function minify(path: string): void {
  const text = readFileSync(path, 'utf8')
  // Remarks to bundlers would be lost.
  if (text.includes('@vite-ignore')) return
  // Bundlers look for a worker's address and its options as they are written by hand.
  const removeWhitespace = !text.includes('import.meta')
  const options = {
    module: true,
    mangle: { toplevel: false },
    compress: { target: 'es2022' } as const,
    codegen: { removeWhitespace },
  }
  const { code, errors } = minifySync(path, text, options)
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`)
  // Some look for the name of a chunk only in quotes.
  writeFileSync(path, code.replace(/import\(`([^`$]+)`\)/g, 'import("$1")'))
}
