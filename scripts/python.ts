/** A Python with Django Channels for the tests: finds one, else installs Debian's packages, else says what is missing. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { Missing } from './service.js'

const MODULES = ['django', 'channels', 'daphne', 'channels_redis']
const PACKAGES = ['python3-django', 'python3-django-channels', 'python3-daphne', 'python3-channels-redis']
/** Debian's modules belong to Debian's own Python, which need not be the first on the PATH. */
const DEBIANS = '/usr/bin/python3'

const hasModules = (python: string) =>
  spawnSync(python, ['-c', `import ${MODULES.join(', ')}`], { stdio: 'ignore', timeout: 60_000 }).status === 0

/** PYTHON_BIN is the only one that is looked at if it is set: a virtual environment's, for example. */
const candidates = (): readonly string[] => {
  const wanted = process.env['PYTHON_BIN']
  return wanted ? [wanted] : [DEBIANS, 'python3']
}

const findPython = (): string | undefined => candidates().find(hasModules)

/** The path of a Python that has all that examples/django needs. Throws one sentence when there is none to be had. */
export function ensurePython(): string {
  const found = findPython()
  if (found) return found
  if (process.getuid?.() === 0 && existsSync('/etc/debian_version') && !process.env['PYTHON_BIN']) {
    console.log('No Python with Django Channels found; installing one.')
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const run = (...args: string[]) => spawnSync('apt-get', args, { stdio: 'inherit', env }).status === 0
    if (run('update', '-q')) run('install', '-y', '-q', '--no-install-recommends', ...PACKAGES)
  }
  const installed = findPython()
  if (installed) return installed
  throw new Missing(
    `no Python with ${MODULES.join(', ')}: run \`apt-get install ${PACKAGES.join(' ')}\` as root, or set PYTHON_BIN`,
  )
}
