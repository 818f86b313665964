import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

/** Bundles the Partyline page as an app would. `partyline` resolves to this package's own `dist`, by its exports. */
export async function buildPage(): Promise<{ folder: string; remove(): void }> {
  const folder = mkdtempSync(join(tmpdir(), 'partyline-bench-'))
  await build({
    configFile: false,
    root: fileURLToPath(new URL('../page', import.meta.url)),
    // Its warnings are about others' code: `import.meta` in the worker's bundle, React Query's "use client".
    logLevel: 'error',
    build: { outDir: folder, emptyOutDir: true },
  })
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
