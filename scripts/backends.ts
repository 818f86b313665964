/** The small backends of examples/ for the tests: each on loopback, with a file of data that is thrown away. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ASGI, ensurePython } from './python.js'
import { endProcess, freePort, spawnWithUs, untilListening } from './service.js'

export interface Backend {
  /** Its folder in examples/. */
  readonly name: string
  readonly transport: 'websocket' | 'socket.io'
  /** It keeps its last events for browsers that come back. */
  readonly replays: boolean
  /** What runs it in that folder, on a port. Installs or builds what it needs; throws `Missing` if that can't be had. */
  prepare(): (port: number) => readonly [program: string, ...args: string[]]
}

const uvicorn =
  () =>
  (port: number): readonly [string, ...string[]] => [
    ensurePython(ASGI),
    '-m',
    'uvicorn',
    'main:app',
    '--port',
    String(port),
    '--log-level',
    'warning',
  ]

export const BACKENDS: readonly Backend[] = [
  { name: 'fastapi', transport: 'websocket', replays: true, prepare: uvicorn },
  { name: 'python-socketio', transport: 'socket.io', replays: true, prepare: uvicorn },
]

const folderOf = (name: string) => fileURLToPath(new URL(`../examples/${name}`, import.meta.url))

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
