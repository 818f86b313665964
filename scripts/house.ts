/**
 * Guards the house that docs/architecture.md describes: `node --import tsx scripts/house.ts`. With
 * `--report [--root DIR] [--without ROOM]` it prints the figures of the source tree in that folder, and judges nothing.
 * The code is parsed by survey.ts. Test files are exempt from everything.
 */
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { MUTANTS } from './mutants.js'
import { type FunctionSize, importsFrom, type Module, roomOf, surveyHouse } from './survey.js'

const MAX_FILE_LINES = 400
const MAX_FUNCTION_LINES = 120
/** A module with one importer belongs into it if it has fewer lines. */
const MIN_SPLINTER_LINES = 40

/** Every folder of src, and the rooms or single files that it may import. `testing` may import all of the browser's half. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  util: [],
  platform: ['util'],
  wire: ['platform', 'util'],
  election: ['platform', 'util'],
  transport: ['wire', 'platform', 'util'],
  hub: ['transport', 'election', 'wire', 'platform', 'util'],
  worker: ['hub', 'transport', 'election', 'wire', 'platform', 'util'],
  invalidation: ['wire', 'platform', 'util'],
  link: ['hub', 'election', 'wire', 'platform', 'util'],
  inspect: ['invalidation', 'wire', 'platform', 'util'],
  tab: ['inspect', 'link', 'invalidation', 'hub', 'transport', 'election', 'wire', 'platform', 'util'],
  react: ['tab', 'wire'],
  vue: ['tab', 'wire'],
  svelte: ['tab', 'wire'],
  solid: ['tab', 'wire'],
  devtools: ['tab', 'inspect', 'invalidation', 'wire', 'util'],
  // For Node: of the browser's half it knows the names on the wire, and what needs no browser.
  server: ['wire/protocol.ts', 'platform/timeouts.ts', 'util'],
  index: ['tab', 'inspect', 'invalidation', 'transport', 'wire', 'platform', 'util'],
  testing: ['tab', 'inspect', 'link', 'invalidation', 'hub', 'election', 'transport', 'wire', 'platform', 'util'],
}

/** Files that not everybody may import who may import their room. */
const RESERVED: Readonly<Record<string, readonly string[]>> = {
  // A hub in a worker must not carry the code that starts workers: bundlers would build the worker into itself.
  'platform/page.ts': ['tab', 'link', 'invalidation', 'index', 'testing'],
}

/** Files that import nothing. */
const ALONE = ['wire/protocol.ts']

/** Packages, and the only files or rooms that may import them. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  'socket.io-client': ['transport/socket-io.ts'],
  comlink: ['hub/tab-pipe.ts'],
  'lodash-es/debounce.js': ['platform/page.ts'],
  '@standard-schema/spec': ['invalidation/rule.ts'],
  react: ['react', 'devtools/react.ts'],
  '@tanstack/react-query': ['react'],
  vue: ['vue'],
  '@tanstack/vue-query': ['vue'],
  svelte: ['svelte'],
  'svelte/store': ['svelte'],
  '@tanstack/svelte-query': ['svelte'],
  'solid-js': ['solid'],
  '@tanstack/solid-query': ['solid'],
  // Bundled into the panel: no dependency of the package's.
  preact: ['devtools'],
  'preact/hooks': ['devtools'],
}

/** What a browser gives to its scripts beyond the language. Only platform/ touches it. */
const BROWSER_GLOBALS = [
  ...['window', 'self', 'globalThis', 'document', 'navigator', 'location', 'performance', 'crypto', 'indexedDB'],
  ...['localStorage', 'sessionStorage', 'caches', 'fetch', 'XMLHttpRequest', 'WebSocket', 'EventSource', 'Worker'],
  ...['SharedWorker', 'BroadcastChannel', 'MessageChannel', 'addEventListener', 'requestAnimationFrame'],
  ...['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'requestIdleCallback'],
]
const GLOBALS_OF: Readonly<Record<string, readonly string[]>> = {
  platform: BROWSER_GLOBALS,
  // For Node: timers and the monotonic clock are its own.
  server: ['performance', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'],
}
/** A single file's own exceptions. */
const GLOBALS_OF_FILE: Readonly<Record<string, readonly string[]>> = {
  // Taken before a test runner's fake clock replaces them.
  'testing/machine.ts': ['globalThis', 'setTimeout'],
  // A component without an element of its own: the panel hangs on the page's body. All else comes from the element given.
  'devtools/react.ts': ['document'],
  // It waits for real servers.
  'testing/contract-bench.ts': ['setTimeout'],
  // Nobody may guess the name of a stream.
  'server/event-stream.ts': ['crypto'],
  // The scope of a SharedWorker.
  'worker/serve-worker.ts': ['globalThis'],
}

/** Short modules with one importer that stay on their own. Entry points and lazily loaded chunks are known by themselves. */
const SPLINTERS: Readonly<Record<string, string>> = {
  'hub/load-transport.ts': 'a tab may not import transports',
  'invalidation/clear.ts': 'it knows the QueryClient, and every page loads it before anybody has signed in',
}

/** One room for each framework. They have the same face, and no app loads two of them. */
const BINDINGS = ['react', 'vue', 'svelte', 'solid']

/** Names that several modules declare because they mean one thing. */
const SHARED_NAMES: Readonly<Record<string, string>> = {}

/** Loaded from outside of src: what they import is no splinter. */
const ENTRIES = ['worker/index.ts']

/** No module, but it has its room. */
const STYLES = /\.css\?inline$/

const isIndex = (path: string) => /(^|\/)index\.ts$/.test(path)

const { values } = parseArgs({
  options: {
    report: { type: 'boolean', default: false },
    root: { type: 'string', default: '.' },
    without: { type: 'string', multiple: true, default: [] },
  },
})
const root = resolve(values.root)
const modules = surveyHouse(root).filter(({ isTest, room }) => !isTest && !values.without.includes(room))

if (values.report) printReport()
else {
  const faults = [...modules.flatMap(judge), ...judgeNames(), ...judgeSplinters(), ...judgeLists(), ...judgeMutants()]
  for (const fault of faults) console.error(fault)
  console.log(`${modules.length} modules, ${faults.length} faults`)
  if (faults.length > 0) process.exitCode = 1
}

function judge(module: Module): string[] {
  return [...judgeImports(module), ...judgeGlobals(module), ...judgeSize(module)].map(
    (fault) => `${module.path}${fault}`,
  )
}

function judgeImports({ path, room, imports }: Module): string[] {
  const allowed = ROOMS[room]
  if (!allowed) return [': no such room in the plan of the house (ROOMS in scripts/house.ts)']
  const faults: string[] = []
  if (ALONE.includes(path) && imports.length > 0) faults.push(': imports something; it has to stand alone')
  for (const { target, isPackage } of imports) {
    if (isPackage) {
      const places = PACKAGES[target] ?? []
      if (!places.includes(path) && !places.includes(room)) faults.push(`: may not import the package ${target}`)
      continue
    }
    const other = roomAt(target)
    if (other !== room && !allowed.includes(other) && !allowed.includes(target))
      faults.push(`: an arrow from ${room} to ${other} points back (${target})`)
    const readers = RESERVED[target]
    if (readers && other !== room && !readers.includes(room)) faults.push(`: ${room} may not import ${target}`)
  }
  return faults
}

function judgeGlobals({ path, room, globals }: Module): string[] {
  const allowed = [...(GLOBALS_OF[room] ?? []), ...(GLOBALS_OF_FILE[path] ?? [])]
  return BROWSER_GLOBALS.filter((name) => globals.has(name) && !allowed.includes(name)).map(
    (name) => `: touches the browser's ${name}; take it from the environment (platform/)`,
  )
}

function judgeSize({ path, lines, functions, onlyReexports }: Module): string[] {
  const faults = functions
    .filter((one) => one.lines > MAX_FUNCTION_LINES)
    .map(
      ({ name, line, lines: long }) =>
        `:${line}: ${name} has ${long} lines; a function has at most ${MAX_FUNCTION_LINES}`,
    )
  if (lines > MAX_FILE_LINES) faults.push(`: ${lines} lines; a file has one idea and at most ${MAX_FILE_LINES}`)
  if (isIndex(path) && !onlyReexports) faults.push(': an index only re-exports')
  return faults
}

function judgeNames(): string[] {
  return namesOfMany()
    .filter(([name]) => !SHARED_NAMES[name])
    .map(([name, paths]) => `${name} has a meaning in each of ${paths.join(', ')}`)
}

function judgeSplinters(): string[] {
  return splinters()
    .filter(({ module }) => !SPLINTERS[module.path])
    .map(
      ({ module, importer }) =>
        `${module.path}: ${module.lines} lines with one importer; it belongs into ${importer.path}, or into SPLINTERS with a reason`,
    )
}

/** An exception that nothing needs any more has to go. */
function judgeLists(): string[] {
  const names = new Set(namesOfMany().map(([name]) => name))
  const splinters = new Set(withOneImporter().map(({ module }) => module.path))
  const files = new Set(modules.map(({ path }) => path))
  const stale = [
    ...Object.keys(SHARED_NAMES).filter((name) => !names.has(name)),
    ...Object.keys(SPLINTERS).filter((path) => !splinters.has(path)),
    ...[...Object.keys(RESERVED), ...Object.keys(GLOBALS_OF_FILE), ...ALONE].filter((path) => !files.has(path)),
  ]
  return stale.map((entry) => `${entry}: is an exception in scripts/house.ts, and needs none`)
}

/** A mutant whose text is gone tests nothing, and nobody notices until all of them are tried. */
function judgeMutants(): string[] {
  const read = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '')
  return MUTANTS.filter(({ file, find }) => read(resolve(root, file)).split(find).length !== 2).map(
    ({ name, file }) =>
      `${file}: the text of the mutant '${name}' (scripts/mutants.ts) does not stand there exactly once`,
  )
}

function roomAt(path: string): string {
  if (STYLES.test(path)) return roomOf(path)
  return modules.find((module) => module.path === path)?.room ?? path
}

/** Top-level names that more than one module declares. Each binding may declare a name once. */
function namesOfMany(): [name: string, paths: string[]][] {
  const places = new Map<string, string[]>()
  for (const { path, names } of modules) for (const name of names) places.set(name, [...(places.get(name) ?? []), path])
  const isOncePerBinding = (paths: readonly string[]) => {
    const rooms = paths.map(roomOf)
    return rooms.every((room) => BINDINGS.includes(room)) && new Set(rooms).size === rooms.length
  }
  return [...places]
    .filter(([, paths]) => paths.length > 1 && !isOncePerBinding(paths))
    .sort(([one], [other]) => one.localeCompare(other))
}

/** Modules that exactly one other imports, and no entry point outside of src. */
function withOneImporter() {
  const outside = new Set(ENTRIES.flatMap((file) => importsFrom(root, file)))
  return modules.flatMap((module) => {
    const importers = modules.filter(({ imports }) => imports.some(({ target }) => target === module.path))
    const [importer] = importers
    return importer && importers.length === 1 && !outside.has(module.path) ? [{ module, importer }] : []
  })
}

/** Those of them that are short, no chunk of their own, and no part of the public face. */
function splinters() {
  return withOneImporter().filter(({ module: { path, lines }, importer }) => {
    const isLazy = importer.imports.every(({ target, isLazy: lazy }) => target !== path || lazy)
    return lines < MIN_SPLINTER_LINES && !isLazy && !isIndex(importer.path)
  })
}

function arrowsBetweenRooms(): Map<string, Set<string>> {
  const arrows = new Map<string, Set<string>>()
  for (const { room, imports } of modules)
    for (const { target, isPackage } of imports) {
      const other = roomAt(target)
      if (!isPackage && other !== room) arrows.set(room, (arrows.get(room) ?? new Set()).add(other))
    }
  return arrows
}

function printReport(): void {
  const arrows = arrowsBetweenRooms()
  const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
    [...(arrows.get(from) ?? [])].some((next) => {
      if (next === to) return true
      if (seen.has(next)) return false
      return reaches(next, to, seen.add(next))
    })
  const pairs = [...arrows].flatMap(([from, targets]) => Array.from(targets, (to) => [from, to] as const))
  const back = pairs.filter(([from, to]) => reaches(to, from))
  const functions = modules.flatMap(({ path, functions: all }) => all.map((one) => ({ ...one, path })))
  const largest = <T extends { lines: number }>(all: readonly T[]) => [...all].sort((a, b) => b.lines - a.lines)[0]
  const file = largest(modules)
  const long = largest<FunctionSize & { path: string }>(functions)
  const names = namesOfMany()
  const rows: [string, string | number][] = [
    ['files', modules.length],
    ['lines', modules.reduce((sum, { lines }) => sum + lines, 0)],
    ['rooms', new Set(modules.map(({ room }) => room)).size],
    ['arrows between rooms', pairs.length],
    ['arrows on a circle', back.length],
    ['modules with one importer', withOneImporter().length],
    [`splinters (under ${MIN_SPLINTER_LINES} lines)`, splinters().length],
    ['names with several meanings', names.length],
    ['largest file', `${file?.path} (${file?.lines})`],
    ['largest function', `${long?.name} in ${long?.path} (${long?.lines})`],
    [`files over ${MAX_FILE_LINES} lines`, modules.filter(({ lines }) => lines > MAX_FILE_LINES).length],
    [`functions over ${MAX_FUNCTION_LINES} lines`, functions.filter(({ lines }) => lines > MAX_FUNCTION_LINES).length],
    ['loose files in src/', modules.filter(({ path }) => !path.includes('/')).length],
  ]
  for (const [what, figure] of rows) console.log(`${what.padEnd(30)} ${figure}`)
  for (const [name, paths] of names) console.log(`  ${name.padEnd(20)} ${paths.join(', ')}`)
}
