import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { atTheLatest } from './tidy.js'

const BUILT = fileURLToPath(new URL('../../demo/dist', import.meta.url))

/** A page without the app: the browser signs in and pays from here. */
export const EMPTY = '/empty.html'
/** The app. */
export const BANK = '/bank'
/** The app in a browser that has no SharedWorker. */
export const WITHOUT_SHARED_WORKER = '/without-shared-worker.html'

/**
 * A copy of the built demo with two pages more. WebDriver can't run a script before the page's own, so what removes
 * SharedWorker is a script of the page, served like the others (the policy allows nothing else).
 */
export function buildSite(): { readonly folder: string; remove(): void } {
  if (!existsSync(join(BUILT, 'bank.html'))) {
    throw new Error('The demo is not built: run `npm run build && npm run build:demo` first.')
  }
  const folder = mkdtempSync(join(tmpdir(), 'partyline-browsers-'))
  const remove = atTheLatest(() => rmSync(folder, { recursive: true, force: true }))
  const write = (path: string, text: string) => writeFileSync(join(folder, path), text)
  cpSync(BUILT, folder, { recursive: true })
  write(EMPTY, '<!doctype html><title>Nothing here</title>')
  write('remove-shared-worker.js', 'delete window.SharedWorker\n')
  // A classic script runs where it stands, a module after all of them.
  const bank = readFileSync(join(folder, 'bank.html'), 'utf8')
  write(WITHOUT_SHARED_WORKER, bank.replace('<head>', '<head><script src="/remove-shared-worker.js"></script>'))
  return { folder, remove }
}
