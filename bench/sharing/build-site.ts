import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

/** Bundles the pages as an app would, one for each subject. `partyline` resolves to this package's own `dist`, by its exports. */
export async function buildSite(): Promise<{ folder: string; remove(): void }> {
  const folder = mkdtempSync(join(tmpdir(), 'partyline-bench-'))
  const root = fileURLToPath(new URL('../site', import.meta.url))
  await build({
    configFile: false,
    root,
    // Its warnings are about others' code: `import.meta` in the worker's bundle, React Query's "use client".
    logLevel: 'error',
    worker: { format: 'es' },
    build: {
      outDir: folder,
      emptyOutDir: true,
      target: 'es2022',
      rolldownOptions: {
        input: readdirSync(root)
          .filter((file) => file.endsWith('.html'))
          .map((file) => join(root, file)),
      },
    },
  })
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
