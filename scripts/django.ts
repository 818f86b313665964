/** The Django example for the tests: daphne on loopback, with a database of its own that is thrown away. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DJANGO, ensurePython } from './python.js'
import { endProcess, freePort, spawnWithUs, untilListening } from './service.js'

const FOLDER = fileURLToPath(new URL('../examples/django', import.meta.url))

/** Environment variables that examples/django/bank/settings.py reads. */
export type Settings = Readonly<Record<string, string>>

export interface Daphne {
  readonly port: number
  readonly url: string
  /** From here on it does nothing, until `wake`: as a process that is kept busy. */
  sleep(): void
  wake(): void
  /** Ends it without a goodbye to anybody: its sockets are the kernel's to close. */
  kill(): Promise<void>
}

export interface Django {
  /** Runs `manage.py`; gives what it said, and throws that if it failed. */
  manage(settings: Settings, ...args: string[]): string
  /** One more process on the same database, when it answers. */
  open(settings?: Settings, port?: number): Promise<Daphne>
  /** Ends all of its processes, and removes the data. */
  stop(): Promise<void>
}

/** Makes the database. Throws a sentence when there is no Python for it. */
export function prepareDjango(): Django {
  const python = ensurePython(DJANGO)
  const data = mkdtempSync(join(tmpdir(), 'partyline-django-'))
  const env = {
    ...process.env,
    DATABASE_PATH: join(data, 'db.sqlite3'),
    EXAMPLE_TESTS: '1',
    // Nobody wants its bytecode in the repository's folder.
    PYTHONDONTWRITEBYTECODE: '1',
    REDIS_URL: '',
  }
  const daphnes = new Set<Daphne>()

  function manage(settings: Settings, ...args: string[]): string {
    const options = { cwd: FOLDER, env: { ...env, ...settings }, encoding: 'utf8' } as const
    const { status, stdout, stderr } = spawnSync(python, ['manage.py', ...args], options)
    if (status !== 0) throw new Error(`manage.py ${args.join(' ')} failed: ${stdout}${stderr}`)
    return stdout + stderr
  }
  manage({}, 'migrate', '-v0')

  return {
    manage,
    async open(settings = {}, wanted) {
      const port = wanted ?? (await freePort())
      const args = ['-m', 'daphne', '-v0', '-b', '127.0.0.1', '-p', String(port), 'bank.asgi:application']
      const child = spawnWithUs(python, args, FOLDER, { ...env, ...settings })
      const url = `http://127.0.0.1:${port}`
      await untilListening(child, async () => (await fetch(`${url}/api/session`)).ok)
      const daphne: Daphne = {
        port,
        url,
        sleep: () => void child.kill('SIGSTOP'),
        wake: () => void child.kill('SIGCONT'),
        kill: () => {
          daphnes.delete(daphne)
          return endProcess(child, 'SIGKILL')
        },
      }
      daphnes.add(daphne)
      return daphne
    },
    async stop() {
      for (const { kill } of daphnes) await kill()
      rmSync(data, { recursive: true, force: true })
    },
  }
}
