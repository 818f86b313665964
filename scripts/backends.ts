/** The small backends of examples/ for the tests: each on loopback, with a file of data that is thrown away. */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ASGI, ensurePython } from './python.js'
import {
  endProcess,
  ensureProgram,
  freePort,
  installPackages,
  Missing,
  spawnWithUs,
  untilListening,
} from './service.js'

export interface Backend {
  /** Its folder in examples/. */
  readonly name: string
  readonly transport: 'websocket' | 'socket.io' | 'sse' | 'pusher' | 'graphql-ws'
  /** It keeps its last events for browsers that come back. */
  readonly replays: boolean
  /** It can't end the connections of a session that is over: the credentials' end does. */
  readonly endsLate?: boolean
  /** What runs it in that folder, on a port. Installs or builds what it needs; throws `Missing` if that can't be had. */
  prepare(): CommandOn
}
type CommandOn = (port: number) => readonly [program: string, ...args: string[]]

export const folderOf = (name: string) => fileURLToPath(new URL(`../examples/${name}`, import.meta.url))

function uvicorn(): CommandOn {
  const python = ensurePython(ASGI)
  return (port) => [python, '-m', 'uvicorn', 'main:app', '--port', String(port), '--log-level', 'warning']
}

const GO_PACKAGES = ['golang-go', 'golang-github-gorilla-websocket-dev']
/** Debian's copy of the module that examples/go needs: with it, nothing is fetched. */
const DEBIANS_GORILLA = '/usr/share/gocode/src/github.com/gorilla/websocket'

/** The path of a Go that has, or can fetch, all that examples/go needs. */
export function ensureGo(): string {
  const go = ensureProgram('go', ...GO_PACKAGES)
  if (!existsSync(DEBIANS_GORILLA)) installPackages('gorilla/websocket for Go', GO_PACKAGES)
  if (!existsSync(DEBIANS_GORILLA)) fetchWith(folderOf('go'), go, ['mod', 'download'])
  return go
}

function goProgram(): CommandOn {
  const go = ensureGo()
  const folder = mkdtempSync(join(tmpdir(), 'partyline-go-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const program = join(folder, 'notes')
  const args = ['build', '-o', program]
  if (existsSync(DEBIANS_GORILLA)) {
    const mod = join(folder, 'go.mod')
    const text = readFileSync(join(folderOf('go'), 'go.mod'), 'utf8')
    writeFileSync(mod, `${text}\nreplace github.com/gorilla/websocket => ${DEBIANS_GORILLA}\n`)
    args.push('-mod=mod', `-modfile=${mod}`)
  }
  // Without a C compiler, which Debian's Go only recommends.
  execFileSync(go, args, { cwd: folderOf('go'), env: { ...process.env, CGO_ENABLED: '0' } })
  return () => [program]
}

const QUIETLY = ['--no-audit', '--no-fund', '--loglevel=error']

/** Some examples are packages of their own, so that nobody who works on the library has to fetch what they need. */
export function ensurePackages(name: string): string {
  const folder = folderOf(name)
  if (!existsSync(join(folder, 'node_modules/.package-lock.json'))) {
    console.log(`Installing examples/${name}.`)
    fetchWith(folder, 'npm', ['ci', ...QUIETLY])
  }
  return folder
}

/** A copy: by a link, the package would find the frameworks that the library is tested with, and the app would have each twice. */
export function copyOurselves(folder: string): void {
  const ourselves = join(folder, 'node_modules/partyline')
  rmSync(ourselves, { recursive: true, force: true })
  for (const part of ['package.json', 'dist'])
    cpSync(join(folder, '../..', part), join(ourselves, part), { recursive: true })
}

export function ensureNest(): string {
  const folder = ensurePackages('nestjs')
  const ourselves = join(folder, 'node_modules/partyline')
  if (!existsSync(ourselves)) symlinkSync('../../..', ourselves)
  return folder
}

function nest(): CommandOn {
  ensureNest()
  return () => ['node', '--import', 'tsx', 'main.ts']
}

/** It bundles nothing from outside of its folder, so what the package depends on has to be there as well. */
export function ensureNext(): string {
  const folder = ensurePackages('nextjs')
  if (existsSync(join(folder, 'node_modules/comlink'))) return folder
  const packed = mkdtempSync(join(tmpdir(), 'partyline-packed-'))
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', packed], {
    cwd: join(folder, '../..'),
  })
  const [file = ''] = readdirSync(packed)
  fetchWith(folder, 'npm', ['install', '--no-save', ...QUIETLY, join(packed, file)])
  rmSync(packed, { recursive: true, force: true })
  return folder
}

const NEXT = 'node_modules/next/dist/bin/next'

/** Needs `npm run build` before. Throws what Next.js says if it fails. */
export function buildNext(): void {
  const folder = ensureNext()
  copyOurselves(folder)
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1' }
  execFileSync(process.execPath, [NEXT, 'build'], { cwd: folder, env, stdio: ['ignore', 'inherit', 'inherit'] })
}

function next(): CommandOn {
  if (!existsSync(join(folderOf('nextjs'), '.next/BUILD_ID')))
    throw new Missing('examples/nextjs is not built: run `npm run build:examples`')
  return (port) => ['node', NEXT, 'start', '--hostname', '127.0.0.1', '--port', String(port)]
}

/** Whatever it fails for, it is that something can't be fetched from here. */
export function fetchWith(cwd: string, program: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Missing(`\`${program} ${args[0]}\` failed in ${cwd}: ${stderr}`)
}

/** They need nothing but this repository. */
const ofThisPackage = (): CommandOn => () => ['node', '--import', 'tsx', 'main.ts']

export const NEXTJS = { name: 'nextjs', transport: 'sse', replays: false, prepare: next } as const

export const BACKENDS: readonly (Backend & { readonly transport: 'websocket' | 'socket.io' | 'sse' })[] = [
  { name: 'express', transport: 'socket.io', replays: false, prepare: ofThisPackage },
  { name: 'express', transport: 'sse', replays: false, prepare: ofThisPackage },
  { name: 'fastify', transport: 'socket.io', replays: false, prepare: ofThisPackage },
  { name: 'fastify', transport: 'sse', replays: false, prepare: ofThisPackage },
  { name: 'fastapi', transport: 'websocket', replays: true, prepare: uvicorn },
  { name: 'fastapi', transport: 'sse', replays: true, prepare: uvicorn },
  { name: 'go', transport: 'websocket', replays: true, prepare: goProgram },
  { name: 'python-socketio', transport: 'socket.io', replays: true, prepare: uvicorn },
  { name: 'nestjs', transport: 'socket.io', replays: false, prepare: nest },
  NEXTJS,
]

/** Those that speak no wire of ours: the transport is the example's own. */
export const OWN_TRANSPORTS: readonly Backend[] = [
  { name: 'pusher', transport: 'pusher', replays: false, endsLate: true, prepare: ofThisPackage },
  { name: 'graphql-ws', transport: 'graphql-ws', replays: false, prepare: ofThisPackage },
]

/** What a backend keeps in its file, whatever it is written in. */
interface Data {
  readonly sessions: Readonly<Record<string, string>>
  readonly notes: Readonly<Record<string, string>>
  readonly board: string
}

export interface RunningBackend {
  readonly port: number
  /** Changes the data behind its back. */
  change(edit: (data: Data) => Data): void
  /** Ends it without a goodbye: its sockets are the kernel's to close. */
  kill(): Promise<void>
  /** After `kill`: again, on the same port. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export async function startBackend({ name, prepare }: Backend): Promise<RunningBackend> {
  const commandOn = prepare()
  const folder = mkdtempSync(join(tmpdir(), `partyline-${name}-`))
  const file = join(folder, 'data.json')
  writeFileSync(file, JSON.stringify({ sessions: {}, notes: {}, board: '' }))
  const port = await freePort()
  const env = { ...process.env, PORT: String(port), DATA_FILE: file, PYTHONDONTWRITEBYTECODE: '1' }

  async function start() {
    const [program, ...args] = commandOn(port)
    const child = spawnWithUs(program, args, folderOf(name), env)
    await untilListening(child, async () => (await fetch(`http://127.0.0.1:${port}/api/session`)).ok)
    return child
  }
  let child = await start()
  return {
    port,
    change: (edit) => writeFileSync(file, JSON.stringify(edit(JSON.parse(readFileSync(file, 'utf8'))))),
    kill: () => endProcess(child, 'SIGKILL'),
    async restart() {
      child = await start()
    },
    async stop() {
      await endProcess(child, 'SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
