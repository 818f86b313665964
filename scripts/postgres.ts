/** A throw-away PostgreSQL for the tests: finds the system's, else says what to do. */
import { execFileSync, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, Missing } from './service.js'

export interface Postgres {
  readonly url: string
  /** Ends it, and removes its data. */
  stop(): Promise<void>
}

const ADVICE = 'run `apt-get install postgresql` as root, or set POSTGRES_BIN to the folder of initdb and postgres'

/** The folder of `initdb` and `postgres`: Debian keeps them out of PATH, by version. */
export function findPostgres(): string | undefined {
  const byVersion = (root: string, suffix: string) =>
    existsSync(root)
      ? readdirSync(root)
          .sort((a, b) => Number.parseInt(b, 10) - Number.parseInt(a, 10))
          .map((version) => join(root, version, suffix))
      : []
  const wanted = process.env['POSTGRES_BIN']
  const folders = wanted
    ? [wanted]
    : [...(process.env['PATH'] ?? '').split(delimiter), ...byVersion('/usr/lib/postgresql', 'bin')]
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
}

const isRoot = process.getuid?.() === 0

function install(): void {
  if (!isRoot || !existsSync('/etc/debian_version')) return
  console.log('No PostgreSQL found; installing one.')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const run = (...args: string[]) => spawnSync('apt-get', args, { stdio: 'inherit', env }).status === 0
  if (run('update', '-q')) run('install', '-y', '-q', '--no-install-recommends', 'postgresql')
}

/** PostgreSQL refuses to run as root: then it runs as the user that its package has made, or as nobody. */
function unprivileged(): Pick<SpawnOptions, 'uid' | 'gid'> {
  if (!isRoot) return {}
  for (const user of ['postgres', 'nobody']) {
    const id = (flag: string) => Number(spawnSync('id', [flag, user], { encoding: 'utf8' }).stdout)
    const [uid, gid] = [id('-u'), id('-g')]
    if (uid > 0 && gid > 0) return { uid, gid }
  }
  throw new Missing('PostgreSQL does not run as root, and there is no user `postgres` or `nobody` to run it as')
}

/** The same; throws one sentence when there is none. Installs nothing. */
function requirePostgres(): string {
  const bin = findPostgres()
  if (!bin) throw new Missing(`no PostgreSQL: ${ADVICE}`)
  return bin
}

/** The same, after installing Debian's package if that is possible. */
export function ensurePostgres(): string {
  if (!findPostgres() && !process.env['POSTGRES_BIN']) install()
  return requirePostgres()
}

/**
 * Starts a cluster of its own, in a folder of its own, on loopback. Rejects with a sentence when there is none to be had.
 * `durable`: commits wait for the disk, as in production. Default: they do not, since nobody needs a test's data after a power cut.
 */
export async function startPostgres({ durable = false } = {}): Promise<Postgres> {
  const bin = requirePostgres()
  const user = unprivileged()
  const folder = mkdtempSync(join(tmpdir(), 'partyline-postgres-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  try {
    if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid)
    const data = join(folder, 'data')
    const options = { ...user, cwd: folder, stdio: 'pipe' } as const
    execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'ledger', '-A', 'trust', '-E', 'UTF8', '--no-sync'], options)

    const port = await freePort()
    const fsync = `fsync=${durable ? 'on' : 'off'}`
    const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', fsync]
    const server = spawn(join(bin, 'postgres'), ['-D', data, ...settings.flatMap((one) => ['-c', one])], options)
    let said = ''
    server.stderr.on('data', (chunk: Buffer) => {
      said += chunk
    })
    server.stdout.resume()
    const exited = once(server, 'exit')
    // Should the tests die, it must not live on.
    const kill = () => void server.kill('SIGQUIT')
    process.once('exit', kill)

    while (!said.includes('ready to accept connections')) {
      if (server.exitCode !== null) throw new Error(`PostgreSQL did not start: ${said}`)
      await Promise.race([once(server.stderr, 'data'), exited, sleep(1_000)])
    }
    return {
      url: `postgres://ledger@127.0.0.1:${port}/postgres`,
      async stop() {
        process.off('exit', kill)
        // Fast shutdown: it ends its connections, and then itself.
        server.kill('SIGINT')
        await exited
        remove()
      },
    }
  } catch (error) {
    remove()
    throw error
  }
}
