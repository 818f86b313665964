/** The small backends of examples/ for the tests: each on loopback, with a file of data that is thrown away. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
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

const folderOf = (name: string) => fileURLToPath(new URL(`../examples/${name}`, import.meta.url))

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

/** NestJS is a package of its own, so that nobody who works on the library has to fetch it. Fetches it, if it is not there. */
export function ensureNest(): string {
  const folder = folderOf('nestjs')
  if (!existsSync(join(folder, 'node_modules/.package-lock.json'))) {
    console.log('No NestJS found; installing it for examples/nestjs.')
    fetchWith(folder, 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  }
  const ourselves = join(folder, 'node_modules/partyline')
  if (!existsSync(ourselves)) symlinkSync('../../..', ourselves)
  return folder
}

function nest(): CommandOn {
  ensureNest()
  return () => ['node', '--import', 'tsx', 'main.ts']
}

/** Whatever it fails for, it is that something can't be fetched from here. */
function fetchWith(cwd: string, program: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Missing(`\`${program} ${args[0]}\` failed in ${cwd}: ${stderr}`)
}

/** It needs nothing but this repository. */
const express = (): CommandOn => () => ['node', '--import', 'tsx', 'main.ts']

export const BACKENDS: readonly (Backend & { readonly transport: 'websocket' | 'socket.io' | 'sse' })[] = [
  { name: 'express', transport: 'socket.io', replays: false, prepare: express },
  { name: 'express', transport: 'sse', replays: false, prepare: express },
  { name: 'fastapi', transport: 'websocket', replays: true, prepare: uvicorn },
  { name: 'fastapi', transport: 'sse', replays: true, prepare: uvicorn },
  { name: 'go', transport: 'websocket', replays: true, prepare: goProgram },
  { name: 'python-socketio', transport: 'socket.io', replays: true, prepare: uvicorn },
  { name: 'nestjs', transport: 'socket.io', replays: false, prepare: nest },
]

const ownTransport = (): CommandOn => () => ['node', '--import', 'tsx', 'main.ts']

/** Those that speak no wire of ours: the transport is the example's own. */
export const OWN_TRANSPORTS: readonly Backend[] = [
  { name: 'pusher', transport: 'pusher', replays: false, endsLate: true, prepare: ownTransport },
  { name: 'graphql-ws', transport: 'graphql-ws', replays: false, prepare: ownTransport },
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
