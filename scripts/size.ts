/**
 * Measures what ships, min + gzip, without react and query-core: what every page loads, what a tab loads as soon as
 * somebody is signed in, what `shareFetches` adds, what inspecting adds, the chunks of a hub in a tab with each transport, the
 * worker, the panel of the devtools, which no production build has, and the binding of each framework alone. Fails over budget.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build, type Rolldown } from 'vite'
import { withoutPreloadHelper } from './preload-helper.js'

const BUDGET = {
  'tab entry': 9_600,
  session: 22_400,
  'shared fetches': 1_700,
  inspecting: 6_860,
  'hub in a tab, Socket.IO': 35_400,
  'hub in a tab, WebSocket': 24_100,
  'hub in a tab, SSE': 25_900,
  worker: 38_250,
  devtools: 25_000,
  vue: 800,
  svelte: 830,
  solid: 880,
}

/** So that not every change of a few bytes is one of the README. */
const README_TOLERANCE_KB = 0.3

const gzipped = (code: string | Uint8Array) => gzipSync(code, { level: 9 }).length

/** What a page loads for its framework beside `partyline` itself. */
async function sizeOfBinding(name: 'vue' | 'svelte' | 'solid'): Promise<number> {
  const rolldownOptions = {
    input: join(process.cwd(), `dist/${name}/index.js`),
    external: /^(?![./])/,
    preserveEntrySignatures: 'strict',
  } as const
  const settings = { write: false, minify: true, modulePreload: false, target: 'es2022', rolldownOptions } as const
  const { output } = (await build({ configFile: false, logLevel: 'error', build: settings })) as Rolldown.RolldownOutput
  return output.reduce((total, file) => total + (file.type === 'chunk' ? gzipped(file.code) : 0), 0)
}

// Inside the project, so that the bundler finds the dependencies.
const folder = mkdtempSync(join(process.cwd(), 'node_modules', '.size-'))
try {
  const input = join(folder, 'entry.js')
  writeFileSync(
    input,
    // Not relative: node_modules may be a link to elsewhere.
    `export { createPartyline } from '${join(process.cwd(), 'dist/index.js')}'
     export { PartylineProvider, usePartylineStatus, useServerEvent } from '${join(process.cwd(), 'dist/react/index.js')}'`,
  )
  const result = (await build({
    configFile: false,
    root: folder,
    logLevel: 'error',
    plugins: [withoutPreloadHelper],
    define: { 'process.env.NODE_ENV': '"production"' },
    build: {
      write: false,
      minify: true,
      modulePreload: false,
      target: 'es2022',
      rolldownOptions: {
        input,
        external: ['react', 'react/jsx-runtime', '@tanstack/react-query', /worker\.js$/],
        preserveEntrySignatures: 'strict',
      },
    },
  })) as Rolldown.RolldownOutput
  const chunks = result.output.filter((file) => file.type === 'chunk')
  const entry = chunks.find((chunk) => chunk.isEntry)
  if (!entry) throw new Error('the bundler gave no entry')
  const eager = new Set([entry.fileName, ...entry.imports])
  const session = chunks.find((chunk) => chunk.moduleIds.some((id) => /dist\/tab\/session\.js$/.test(id)))
  if (!session) throw new Error('the session is no chunk of its own')
  const signedIn = new Set([session.fileName, ...session.imports].filter((name) => !eager.has(name)))
  const sharing = chunks.find((chunk) => chunk.moduleIds.some((id) => /invalidation\/sharing\.js$/.test(id)))
  if (!sharing) throw new Error('shared fetches are no chunk of their own')
  const inspecting = chunks.filter((chunk) => chunk.moduleIds.some((id) => /inspect\/(recorder|console)\.js$/.test(id)))
  if (inspecting.length !== 2) throw new Error('the recorder and the console are no chunks of their own')
  const known = new Set([...eager, ...signedIn, sharing.fileName, ...inspecting.map(({ fileName }) => fileName)])
  const sum = (files: typeof chunks) => files.reduce((total, chunk) => total + gzipped(chunk.code), 0)
  const withImports = (fileName: string): string[] => [
    fileName,
    ...(chunks.find((chunk) => chunk.fileName === fileName)?.imports ?? []).flatMap(withImports),
  ]
  /** What a tab loads to run the hub, where it has no Web Locks. */
  const hubWith = (transport: string) => {
    const roots = ['tab/tab-hosts.js', 'hub/tab-hub.js', 'election/heartbeat-elector.js', `transport/${transport}`].map(
      (path) => {
        const chunk = chunks.find(({ moduleIds }) => moduleIds.some((id) => id.endsWith(`dist/${path}`)))
        if (!chunk) throw new Error(`${path} is in no chunk`)
        return chunk.fileName
      },
    )
    const loaded = new Set(roots.flatMap(withImports).filter((name) => !known.has(name)))
    return sum(chunks.filter(({ fileName }) => loaded.has(fileName)))
  }
  const sizes = {
    'tab entry': sum(chunks.filter((chunk) => eager.has(chunk.fileName))),
    session: sum(chunks.filter((chunk) => signedIn.has(chunk.fileName))),
    'shared fetches': gzipped(sharing.code),
    inspecting: sum(inspecting),
    'hub in a tab, Socket.IO': hubWith('socket-io.js'),
    'hub in a tab, WebSocket': hubWith('websocket.js'),
    'hub in a tab, SSE': hubWith('sse.js'),
    worker: gzipped(readFileSync('dist/worker.js')),
    devtools: gzipped(readFileSync('dist/devtools/panel.js')),
    vue: await sizeOfBinding('vue'),
    svelte: await sizeOfBinding('svelte'),
    solid: await sizeOfBinding('solid'),
  }
  const tab = chunks.filter((chunk) => eager.has(chunk.fileName) || signedIn.has(chunk.fileName))
  const stranger = tab.flatMap((chunk) => chunk.moduleIds).find((id) => /socket\.io|engine\.io/.test(id))

  // Firefox keeps a failed import for the page's life: whatever imported the hub's chunk by its plain address would fail with it.
  const lazy = chunks.filter((chunk) => chunk.moduleIds.some((id) => /hub\/tab-hub\.js$/.test(id)))
  const tied = chunks.find((chunk) => lazy.some(({ fileName }) => chunk.imports.includes(fileName)))
  if (tied) console.error(`the hub's chunk is imported by ${tied.fileName}, and not only when it is needed`)

  // V8 keeps the source of a script that has a single such character in two bytes for each: 53 kB of heap in every tab.
  const wide = chunks.filter(({ code }) => /[^\0-\xff]/.test(code))
  for (const { fileName, code } of wide)
    console.error(`${fileName} has a character beyond Latin-1: ${/[^\0-\xff]/.exec(code)?.[0]}`)

  let failed = tied !== undefined || wide.length > 0
  for (const [name, size] of Object.entries(sizes)) {
    const budget = BUDGET[name as keyof typeof BUDGET]
    const over = size > budget
    failed ||= over
    console.log(
      `${name.padEnd(24)} ${(size / 1000).toFixed(2).padStart(6)} kB of ${(budget / 1000).toFixed(2)} kB ${over ? 'OVER BUDGET' : ''}`,
    )
  }
  // The table in the README is of the same figures.
  const readme = readFileSync('README.md', 'utf8')
  for (const [row, name] of Object.entries({ entry: 'tab entry', session: 'session', worker: 'worker' } as const)) {
    const [, written = 'nothing'] = new RegExp(`^\\| ${row} \\|[^|]*\\| ([\\d.]+) \\|$`, 'm').exec(readme) ?? []
    if (Math.abs(Number(written) - sizes[name] / 1000) <= README_TOLERANCE_KB) continue
    failed = true
    console.error(`the README says ${written} kB for '${row}', which has ${(sizes[name] / 1000).toFixed(1)} kB`)
  }
  if (stranger) console.error(`socket.io-client is in the tab's bundle: ${stranger}`)
  if (failed || stranger) process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
