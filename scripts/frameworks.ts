/** The apps of examples/ in other frameworks than React: built against the built package, as a user's own would be. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { copyOurselves, ensurePackages, folderOf } from './backends.js'

/** Each is a folder of examples/, and an entry point of the package. */
export const FRAMEWORKS = ['vue', 'svelte', 'solid'] as const
export type Framework = (typeof FRAMEWORKS)[number]

export function ensureFrameworks(): void {
  for (const name of FRAMEWORKS) ensurePackages(name)
}

/** Needs `npm run build` before. Throws what the app's bundler says if it fails. */
export function buildFramework(name: Framework, outDir: string): void {
  ensureFrameworks()
  const folder = folderOf(name)
  copyOurselves(folder)
  const vite = join(folder, 'node_modules/vite/bin/vite.js')
  const args = ['build', '--outDir', outDir, '--emptyOutDir', '--logLevel', 'error']
  execFileSync(process.execPath, [vite, ...args], { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] })
}
