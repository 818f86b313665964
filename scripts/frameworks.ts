/** The apps of examples/ in other frameworks than React: built against the built package, as a user's own would be. */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fetchWith, folderOf } from './backends.js'

/** Each is a folder of examples/, and an entry point of the package. */
export const FRAMEWORKS = ['vue', 'svelte', 'solid'] as const
export type Framework = (typeof FRAMEWORKS)[number]

/** Each app is a package of its own, so that nobody who works on the library has to fetch its compiler. Fetches what is not there. */
export function ensureFrameworks(): void {
  for (const name of FRAMEWORKS) {
    const folder = folderOf(name)
    if (existsSync(join(folder, 'node_modules/.package-lock.json'))) continue
    console.log(`Installing examples/${name}.`)
    fetchWith(folder, 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  }
}

/** Needs `npm run build` before. Throws what the app's bundler says if it fails. */
export function buildFramework(name: Framework, outDir: string): void {
  ensureFrameworks()
  const folder = folderOf(name)
  // A copy: by a link, the package would find the frameworks that the library is tested with, and the app would have each twice.
  const ourselves = join(folder, 'node_modules/partyline')
  rmSync(ourselves, { recursive: true, force: true })
  for (const part of ['package.json', 'dist'])
    cpSync(join(folder, '../..', part), join(ourselves, part), { recursive: true })
  const vite = join(folder, 'node_modules/vite/bin/vite.js')
  const args = ['build', '--outDir', outDir, '--emptyOutDir', '--logLevel', 'error']
  execFileSync(process.execPath, [vite, ...args], { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] })
}
