/** What throw-away services (redis.ts, proxies.ts, django.ts) have in common: found, installed or named, and never left behind. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** One sentence that says what this machine lacks: the tests that want it are skipped. Whatever else goes wrong has to fail. */
export class Missing extends Error {}

/** Resolves to what is missing, if that is why it did not start. */
export async function orMissing<T>(starting: Promise<T>): Promise<T | Missing> {
  return starting.catch((error: unknown) => {
    if (error instanceof Missing) return error
    throw error
  })
}

/** The variable that names another one. */
const variableOf = (name: string) => `${name.toUpperCase().replaceAll('-', '_')}_BIN`

/** A program by its name: Debian keeps servers in folders that are in root's PATH only. */
function findProgram(name: string): string | undefined {
  const wanted = process.env[variableOf(name)]
  if (wanted) return existsSync(wanted) ? wanted : undefined
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/usr/local/bin']
  return folders.map((folder) => join(folder, name)).find(existsSync)
}

/** The program's path; installs nothing. Throws one sentence that says what is missing. */
export function requireProgram(name: string, ...packages: readonly string[]): string {
  const found = findProgram(name)
  if (found) return found
  const wanted = packages.join(' ') || name
  throw new Missing(`no ${name}: run \`apt-get install ${wanted}\` as root, or set ${variableOf(name)} to the program`)
}

/** Installs Debian's packages, if that is possible here. */
export function installPackages(what: string, packages: readonly string[]): void {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return
  console.log(`No ${what} found; installing one.`)
  // Only the program is wanted: a package's own service would take its usual port.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const run = (...args: string[]) => spawnSync('apt-get', args, { stdio: 'inherit', env }).status === 0
  if (run('update', '-q')) run('install', '-y', '-q', '--no-install-recommends', ...packages)
}

/** The same, after installing Debian's packages for it (of its own name, unless given) if that is possible. */
export function ensureProgram(name: string, ...packages: readonly string[]): string {
  const found = findProgram(name)
  if (found) return found
  if (!process.env[variableOf(name)]) installPackages(name, packages.length > 0 ? packages : [name])
  return requireProgram(name, ...packages)
}

/** Ends a program with this process, however that ends. In a process group of its own, so that Ctrl+C is ours to act on. */
export function spawnWithUs(
  program: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = process.env,
): ChildProcess {
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  // It waits on a pipe that is closed when we are gone, be it by SIGKILL.
  const guard = spawn('/bin/sh', ['-c', 'read -r _; kill -9 "$0"', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  guard.unref()
  ;(guard.stdin as unknown as { unref(): void }).unref()
  child.once('exit', () => guard.kill('SIGKILL'))
  return child
}

/** Resolves when somebody listens there; rejects with what the program said if it has ended. */
export async function untilListening(child: ChildProcess, isUp: () => Promise<boolean>): Promise<void> {
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      said = (said + chunk).slice(-4_000)
    })
  }
  while (!(await isUp().catch(() => false))) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`it did not start: ${said}`)
    await sleep(20)
  }
}

/** Ends it, and resolves when it is gone. */
export async function endProcess(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}

/** Playwright's workers draw from ranges of their own: a server takes seconds until it listens. */
const PORTS = 3_000
const firstPort = 20_000 + (Number(process.env['TEST_PARALLEL_INDEX'] ?? 0) % 4) * PORTS

/**
 * On loopback, and free to be opened again. Not an ephemeral one (from 32768 on, or 49152): the system could give it to an outgoing
 * connection before it is listened on, or while it is closed.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const probe = createServer().listen(firstPort + Math.floor(Math.random() * PORTS), '127.0.0.1')
    const port = await once(probe, 'listening').then(
      () => (probe.address() as AddressInfo).port,
      () => undefined,
    )
    await new Promise((resolve) => probe.close(resolve))
    if (port !== undefined) return port
  }
}
