/**
 * `npm start`: builds the package and the demo if their sources have changed since the last time, then serves the demo. What the
 * build prints is shown only if it fails.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))

const SOURCES = ['src', 'worker', 'demo/src', 'demo/index.html', 'demo/tile.html', 'demo/bank.html']
const SETTINGS = [
  'scripts/build.ts',
  'scripts/preload-helper.ts',
  'vite.config.ts',
  'tsconfig.json',
  'tsconfig.build.json',
]
const OUTPUTS = ['dist', 'demo/dist']
/** The build of the demo empties this folder, so another build than this one takes the note away. */
const NOTE = 'demo/dist/.built'

/** Of names and contents: a time says nothing after a checkout. */
function hashOf(paths: readonly string[]): string {
  const hash = createHash('sha256')
  const add = (path: string): void => {
    if (path === NOTE || !existsSync(path)) return
    if (statSync(path).isDirectory()) for (const name of readdirSync(path).sort()) add(join(path, name))
    else hash.update(`${path}\0`).update(readFileSync(path))
  }
  for (const path of paths) add(path)
  return hash.digest('hex')
}

/** What was built of what: somebody else may have built since. */
const state = () => `${hashOf([...SOURCES, ...SETTINGS, 'package-lock.json'])} ${hashOf(OUTPUTS)}`

if (!existsSync(NOTE) || readFileSync(NOTE, 'utf8') !== state()) {
  console.log('Building, once for these sources.')
  for (const script of ['build', 'build:demo']) {
    const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', script], {
      encoding: 'utf8',
      shell: process.platform === 'win32',
    })
    if (status === 0) continue
    console.error(`${stdout}${stderr}The build has failed.`)
    process.exit(1)
  }
  writeFileSync(NOTE, state())
}

await import('../demo/server/main.js')
