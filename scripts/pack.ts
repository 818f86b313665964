/**
 * Packs the package as npm would publish it and uses the tarball as a stranger would: publint, attw, the list of files,
 * then the README's own quick start, type-checked and built against it. Needs `npm run build` before; no network.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { build, createLogger, type Rolldown } from 'vite'
import { checkServer } from './pack-server.js'
import { filesOf, PAGES, snippetsOf } from './pack-snippets.js'

/** The whole of what may be in the package. A test, a fake or a source file is not. */
const MAY_SHIP =
  /^(package\.json|README\.md|CHANGELOG\.md|LICENSE|docs\/[\w-]+\.(md|svg)|skills\/[\w-]+\/SKILL\.md|SECURITY\.md|dist\/(?!.*\.test)[\w/-]+(\.js|\.d\.ts)|examples\/.+)$/
const MUST_SHIP = [
  ...['package.json', 'README.md', 'CHANGELOG.md', 'LICENSE', 'docs/errors.md', 'skills/realtime/SKILL.md'],
  // To be copied into a server that is not Node.
  ...['go/line.go', 'fastapi/line.py', 'python-socketio/line.py', 'django/line/consumer.py'].map(
    (it) => `examples/${it}`,
  ),
]
/** Of examples/, what a build or a server leaves behind is not shipped. */
const LEFTOVERS = /package-lock|__pycache__|\.pyc|\/(dist|\.next|node_modules)\/|sqlite|data\.json|next-env/
/** What npm shows as the package's size. The examples are a fifth of it. */
const MAX_UNPACKED_BYTES = 1_350_000
/** Text of socket.io-client's that no minifier changes. */
const SOCKET_CODE = 'pingInterval'
/** An import as `tsc` writes it. */
const IMPORT = /^(?:import|export) (?:[\w*{},$ ]+ from )?['"]([^'"]+)['"];?$|\bimport\(['"]([^'"]+)['"]\)/gm

interface Packed {
  readonly filename: string
  readonly unpackedSize: number
  readonly files: readonly { readonly path: string }[]
}

interface Manifest {
  readonly name: string
  readonly exports: Readonly<Record<string, unknown>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** The first one's files are run. The second one's have a compiler run of their own. */
const RUN_ALONE = new Set(['docs/testing.md', 'docs/hosted-services.md'])
/** Clients that are no packages of ours: nothing is known of their types. */
const STRANGERS = ['phoenix', '@microsoft/signalr', '@rails/actioncable', 'ably', 'centrifuge']
const root = resolve(import.meta.dirname, '..')
const faults: string[] = []

function fault(what: string, details: readonly string[]): void {
  if (details.length > 0) faults.push([`${what}:`, ...details.map((detail) => `  ${detail.trimEnd()}`)].join('\n'))
}

/** Runs a tool of the project's own; its output is of interest only if it fails. */
function run(what: string, script: string, args: readonly string[], cwd: string): void {
  try {
    // Vite's build has made a production of this process, where React has no `act`.
    const env = { ...process.env, NODE_ENV: 'test' }
    execFileSync(process.execPath, [join(root, 'node_modules', script), ...args], { cwd, env, stdio: 'pipe' })
  } catch (thrown) {
    const { stdout, stderr } = thrown as { stdout?: Buffer; stderr?: Buffer }
    fault(what, `${stdout ?? ''}${stderr ?? ''}`.trim().split('\n'))
  }
}

/** Every path that the exports name, under whatever conditions. */
function pathsIn(exported: unknown): string[] {
  if (typeof exported === 'string') return [exported.replace(/^\.\//, '')]
  if (typeof exported !== 'object' || exported === null) return []
  return Object.values(exported).flatMap(pathsIn)
}

function checkFiles(files: readonly string[], manifest: Manifest): void {
  fault(
    'not in the tarball, but exported or needed',
    [...MUST_SHIP, ...pathsIn(manifest.exports)].filter((path) => !files.includes(path)),
  )
  fault(
    'in the tarball, but has no place there',
    files.filter((path) => !MAY_SHIP.test(path) || (path.startsWith('examples/') && LEFTOVERS.test(path))),
  )
}

/** What shipped pages lead to and the package does not hold, by the beginning of its path, and why. */
const IN_REPOSITORY: Readonly<Record<string, string>> = {
  'src/': 'tests that prove what a page says',
  'e2e/': 'tests that prove what a page says',
  'bench/': 'measurements, and how they are made',
  'demo/': 'a whole app to copy from',
  'CONTRIBUTING.md': 'for whoever changes the library',
  'docs/architecture.md': 'for whoever changes the library',
}

/** Every relative link of a shipped page leads to a shipped file, or to one of the repository that is left out on purpose. */
function checkLinks(files: readonly string[], folder: string): void {
  const lost = files
    .filter((path) => path.endsWith('.md'))
    .flatMap((page) => {
      const text = readFileSync(join(folder, page), 'utf8').replace(/^```[\s\S]*?^```$|`[^`\n]*`/gm, '')
      return [...text.matchAll(/\]\((?!https?:|mailto:|#)([^)\s#]+)/g)].map(([, link = '']) => ({ page, link }))
    })
    .filter(({ page, link }) => {
      const to = join(dirname(page), link)
      const isLeftOut = Object.keys(IN_REPOSITORY).some((start) => to.startsWith(start))
      const isShipped = files.some((path) => path === to || path.startsWith(`${to}/`))
      return !isShipped && !(isLeftOut && existsSync(join(root, to)))
    })
  fault(
    'links of shipped pages to what is not in the tarball',
    lost.map(({ page, link }) => `${page}: ${link}`),
  )
}

/** A package that only the project's own node_modules happens to hold would be missing at a stranger's. */
function checkImports(files: readonly string[], manifest: Manifest, folder: string): void {
  const known = new Set(Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }))
  const strangers = files
    .filter((path) => /\.(js|d\.ts)$/.test(path) && path !== 'dist/worker.js')
    .flatMap((path) => {
      const code = readFileSync(join(folder, path), 'utf8')
      return [...code.matchAll(IMPORT)].map(([, from, lazy]) => ({ path, name: from ?? lazy ?? '' }))
    })
    .filter(({ name }) => !name.startsWith('.') && !known.has(/^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? ''))
  fault(
    'imports of packages that are no dependencies',
    strangers.map(({ path, name }) => `${path}: ${name}${builtinModules.includes(name) ? ' (of Node)' : ''}`),
  )
}

/** `npm publish` corrects a faulty package.json in silence but for a warning. No registry is asked, and nobody is signed in to it. */
function checkPublish(): void {
  const nowhere = ['--registry', 'http://127.0.0.1:9', '--fetch-retries', '0']
  const dry = ['publish', '--dry-run', '--ignore-scripts', '--access', 'public', ...nowhere]
  const { status, stderr } = spawnSync('npm', dry, { cwd: root, encoding: 'utf8' })
  const warnings = stderr.split('\n').filter((line) => /^npm (warn|error)/i.test(line) && !line.includes('logged in'))
  fault('npm publish --dry-run', status === 0 ? warnings : [`exit code ${status}`, ...warnings])
}

/**
 * npm weighs optional peers that nobody installs. With a range of ours that is narrower than another peer's, it may choose a version that
 * ours refuses: then `npm install` of the package fails for everybody who uses another framework.
 */
function checkPeers({ peerDependencies: ours = {} }: Manifest): void {
  const narrower = Object.keys(ours).flatMap((name) => {
    const file = join(root, 'node_modules', name, 'package.json')
    const { peerDependencies: theirs = {} } = JSON.parse(readFileSync(file, 'utf8')) as Partial<Manifest>
    return Object.entries(theirs)
      .filter(([peer, range]) => !allows(ours[peer] ?? range, range))
      .map(([peer, range]) => `${peer}: ${ours[peer]}, where ${name} takes ${range}`)
  })
  fault('peers that are narrower than those of another peer', narrower)
}

/** As far as such ranges are written: '^2.6.0 || ^3.3.0', '>=18'. */
function allows(ours: string, theirs: string): boolean {
  const alternatives = ours.split(' || ')
  const lowest = Number(/^>=(\d+)$/.exec(ours)?.[1] ?? Number.NaN)
  return theirs.split(' || ').every((one) => alternatives.includes(one) || Number(/\d+/.exec(one)?.[0]) >= lowest)
}

/** Writes a page's files, and gives their names. */
const writeFilesOf = (page: string, folder: string): string[] =>
  filesOf(root, page).map(({ name, code }) => {
    write(join(folder, name), code)
    return name
  })

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** What a typo costs: nothing but a red line in the editor. */
const TYPOS = `
import { createPartyline, type Receipt, type Status } from 'partyline'
import { usePartyline, usePartylineStatus, useServerEvent } from 'partyline/react'
import { line } from './realtime.ts'

line.on('balance_updated', (m) => m.accountId.toUpperCase())
// @ts-expect-error an event that no rule names
line.on('balance_updatd', () => undefined)
// @ts-expect-error a field that the metadata does not have
line.on('balance_updated', (m) => m.acountId)

export function Probe(): Status {
  usePartyline(line, { identity: 'ann' })
  useServerEvent(line, 'transaction_happened', (m) => m.txType?.toUpperCase())
  // @ts-expect-error an event that no rule names
  useServerEvent(line, 'transaction_happend', () => undefined)
  return usePartylineStatus(line)
}
export const heard: (receipt: Receipt) => void = () => undefined
export const stop: () => void = line.onReceipt(heard)

// @ts-expect-error a number is no target
createPartyline({ invalidates: { profile_updated: 7 } })
`

/** The declarations of the other bindings. */
const BINDINGS = `
import * as solid from 'partyline/solid'
import * as svelte from 'partyline/svelte'
import * as vue from 'partyline/vue'
import { line } from './realtime.ts'

for (const { useServerEvent } of [vue, svelte, solid]) {
  useServerEvent(line, 'balance_updated', (m) => m.accountId.toUpperCase())
  // @ts-expect-error an event that no rule names
  useServerEvent(line, 'balance_updatd', () => undefined)
}
export const tabs = [vue.usePartylineStatus().value.tabs, solid.usePartylineStatus()().tabs]
`

const COMPILER_OPTIONS = {
  target: 'es2022',
  lib: ['es2022', 'dom'],
  jsx: 'react-jsx',
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  allowImportingTsExtensions: true,
  // The declarations that ship are checked as well, not only used.
  skipLibCheck: false,
  noEmit: true,
  types: [],
}

function checkTypes(folder: string): void {
  write(join(folder, 'src/typos.ts'), TYPOS)
  write(join(folder, 'src/bindings.ts'), BINDINGS)
  for (const [moduleResolution, module] of [
    ['bundler', 'esnext'],
    ['nodenext', 'nodenext'],
  ] as const) {
    const config = { compilerOptions: { ...COMPILER_OPTIONS, module, moduleResolution }, include: ['src'] }
    write(join(folder, `tsconfig.${moduleResolution}.json`), JSON.stringify(config))
    run(
      `types (moduleResolution ${moduleResolution})`,
      'typescript/bin/tsc',
      ['-p', `tsconfig.${moduleResolution}.json`],
      folder,
    )
  }
}

/** The transports of docs/hosted-services.md against the types of ours that they use. */
function checkHosted(folder: string): void {
  const files = writeFilesOf('docs/hosted-services.md', join(folder, 'hosted'))
  fault('docs/hosted-services.md shows no transport', files.length > STRANGERS.length ? [] : ['too few of them'])
  // Of these names one is used as a type, which those of an unknown module can't be.
  const centrifuge = 'export type StreamPosition = any\nexport const Centrifuge: any\n'
  const clients = STRANGERS.map(
    (name) => `declare module '${name}'${name === 'centrifuge' ? ` {\n${centrifuge}}` : ''}`,
  )
  write(join(folder, 'hosted/clients.d.ts'), `${clients.join('\n')}\n`)
  const types = { module: 'esnext', moduleResolution: 'bundler', noImplicitAny: false }
  const config = { compilerOptions: { ...COMPILER_OPTIONS, ...types }, include: ['hosted'] }
  write(join(folder, 'tsconfig.hosted.json'), JSON.stringify(config))
  run('types of docs/hosted-services.md', 'typescript/bin/tsc', ['-p', 'tsconfig.hosted.json'], folder)
}

async function checkBuild(folder: string): Promise<void> {
  write(join(folder, 'index.html'), '<div id="root"></div><script type="module" src="/src/main.tsx"></script>')
  const warnings: string[] = []
  const customLogger = createLogger('error')
  customLogger.warn = customLogger.warnOnce = (message) => void warnings.push(message)
  const { output } = (await build({
    root: folder,
    configFile: join(folder, 'vite.config.ts'),
    logLevel: 'error',
    customLogger,
    // How long a plugin took is the machine's.
    build: { write: false, rolldownOptions: { checks: { pluginTimings: false } } },
  })) as Rolldown.RolldownOutput
  fault("a consumer's build warns", warnings)
  const textOf = (file: (typeof output)[number]) => (file.type === 'chunk' ? file.code : String(file.source))
  // Vite builds a worker apart from the page: to the page's build it is an asset.
  const workers = output.filter((file) => file.type === 'asset' && file.fileName.endsWith('.js'))
  const entry = output.find((file) => file.type === 'chunk' && file.isEntry) as Rolldown.OutputChunk | undefined
  if (workers.length !== 1 || !workers.some((worker) => textOf(worker).includes(SOCKET_CODE))) {
    fault("a consumer's build has to emit the worker once, socket.io-client included; it emits", [
      output.map((file) => file.fileName).join(' '),
    ])
  }
  const chunks = output.filter((file) => file.type === 'chunk')
  // The worker is started early, by the entry. The session's code may follow.
  if (!chunks.some(({ code }) => workers.every(({ fileName }) => code.includes(fileName))))
    fault('one of the chunks has to start the worker that was emitted', ['none names the file'])
  const session = chunks.find(({ moduleIds }) => moduleIds.some((id) => id.endsWith('/partyline/dist/tab/session.js')))
  if (!session) fault("the session's code is in no chunk", ['dist/tab/session.js'])
  if (session === entry) fault("the session is in a consumer's entry chunk", ['it has to be loaded when it is needed'])
  const loaded = new Set([entry, session].flatMap((chunk) => (chunk ? [chunk.fileName, ...chunk.imports] : [])))
  fault(
    'socket.io-client is in the chunks that a tab loads which does not own the socket',
    chunks
      .filter(({ fileName, code }) => loaded.has(fileName) && code.includes(SOCKET_CODE))
      .map((file) => file.fileName),
  )
}

async function check(temporary: string): Promise<string> {
  const packing = ['pack', '--ignore-scripts', '--json', '--pack-destination', temporary]
  const answer = execFileSync('npm', packing, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  const [packed] = Object.values(JSON.parse(answer) as Record<string, Packed>)
  if (!packed) throw new Error(`npm pack made nothing: ${answer}`)
  const tarball = join(temporary, packed.filename)
  const files = packed.files.map((file) => file.path)

  // One folder up, the project's own packages stand for those that a consumer installs.
  const consumer = join(temporary, 'consumer')
  const unpacked = join(consumer, 'node_modules/partyline')
  mkdirSync(unpacked, { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(temporary, 'node_modules'), 'junction')
  execFileSync('tar', ['-xzf', tarball, '-C', unpacked, '--strip-components=1'])
  const manifest = JSON.parse(readFileSync(join(unpacked, 'package.json'), 'utf8')) as Manifest

  checkFiles(files, manifest)
  checkImports(files, manifest, unpacked)
  checkPeers(manifest)
  checkLinks(files, unpacked)
  if (packed.unpackedSize > MAX_UNPACKED_BYTES)
    fault('unpacked, the package is too large', [`${packed.unpackedSize} bytes`])

  const { messages } = await publint({ pkgDir: unpacked, pack: false, strict: true })
  fault(
    'publint',
    messages.map((message) => formatMessage(message, manifest as never, { color: false }) ?? message.code),
  )
  // ESM only, so no CommonJS resolution is promised. The worker is a script for a browser to run, with nothing to import.
  const attw = [tarball, '--profile', 'esm-only', '--exclude-entrypoints', 'worker', '--no-definitely-typed']
  run('attw', '@arethetypeswrong/cli/dist/index.js', [...attw, '--no-color', '--no-emoji'], temporary)

  checkPublish()

  write(join(consumer, 'package.json'), '{ "private": true, "type": "module" }')
  // The README's short files and those of the whole app have the same names.
  const short = writeFilesOf('README.md', join(consumer, 'src/short'))
  fault('the README shows no file', short.length > 0 ? [] : ['README.md'])
  const pasted = PAGES.filter((page) => page !== 'README.md' && !RUN_ALONE.has(page)).flatMap((page) =>
    writeFilesOf(page, consumer),
  )
  const missing = ['src/realtime.ts', 'src/main.tsx', 'src/App.tsx', 'vite.config.ts', 'server.js']
  fault(
    'files that docs/getting-started.md no longer shows',
    missing.filter((name) => !pasted.includes(name)),
  )
  if (faults.length > 0) return ''

  // docs/outbox.md uses them, and a sign-in of the reader's.
  for (const name of ['relay.ts', 'replay.ts', 'session.ts'])
    write(join(consumer, 'server/outbox', name), readFileSync(join(root, 'examples/outbox', name), 'utf8'))
  write(join(consumer, 'src/record-metrics.ts'), readFileSync(join(root, 'examples/metrics/record-metrics.ts'), 'utf8'))
  write(join(consumer, 'server/authenticate.ts'), "export const authenticate = () => ({ userId: 'ann' })\n")
  const snippets = snippetsOf(root)
  for (const { name, code } of snippets) write(join(consumer, name), code)
  checkTypes(consumer)
  checkHosted(consumer)
  await checkServer(consumer, run, fault)
  execFileSync(process.execPath, ['--check', join(consumer, 'server.js')])
  await checkBuild(consumer)
  // Those for Playwright need a server: they are type-checked, and not run.
  for (const test of writeFilesOf('docs/testing.md', consumer).filter((name) => !name.startsWith('e2e/')))
    run(`${test} of docs/testing.md`, 'vitest/vitest.mjs', ['run', test, '--testTimeout=120000'], consumer)
  return `${packed.filename}: ${files.length} files, publint, attw and npm publish clean; ${short.length + pasted.length} files and ${snippets.length - 2} snippets of README and docs/ type-checked, the whole app built, the servers of docs/server.md and docs/sse.md run, and the tests of docs/testing.md`
}

if (!existsSync(join(root, 'dist/worker.js'))) {
  console.error('There is no built package to pack. Run `npm run build` first.')
  process.exit(1)
}
const temporary = mkdtempSync(join(tmpdir(), 'partyline-pack-'))
try {
  const good = await check(temporary)
  for (const found of faults) console.error(found)
  if (faults.length > 0) process.exitCode = 1
  else console.log(good)
} finally {
  rmSync(temporary, { recursive: true, force: true })
}
