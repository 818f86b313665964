/** A Python with some modules for the tests: finds one, else installs Debian's packages, else says what is missing. */
import { spawnSync } from 'node:child_process'
import { installPackages, Missing } from './service.js'

/** Modules, and Debian's packages that have them. */
interface PythonNeeds {
  readonly modules: readonly string[]
  readonly packages: readonly string[]
}
export const DJANGO: PythonNeeds = {
  modules: ['django', 'channels', 'daphne', 'channels_redis'],
  packages: ['python3-django', 'python3-django-channels', 'python3-daphne', 'python3-channels-redis'],
}
/** For examples/fastapi and examples/python-socketio. */
export const ASGI: PythonNeeds = {
  modules: ['fastapi', 'uvicorn', 'websockets', 'socketio'],
  packages: ['python3-fastapi', 'python3-uvicorn', 'python3-websockets', 'python3-socketio'],
}
/** Debian's modules belong to Debian's own Python, which need not be the first on the PATH. */
const DEBIANS = '/usr/bin/python3'

/** PYTHON_BIN is the only one that is looked at if it is set: a virtual environment's, for example. */
const candidates = (): readonly string[] => {
  const wanted = process.env['PYTHON_BIN']
  return wanted ? [wanted] : [DEBIANS, 'python3']
}

/** The path of a Python that has the modules. Throws one sentence when there is none to be had. */
export function ensurePython({ modules, packages }: PythonNeeds): string {
  const hasModules = (python: string) =>
    spawnSync(python, ['-c', `import ${modules.join(', ')}`], { stdio: 'ignore', timeout: 60_000 }).status === 0
  const find = () => candidates().find(hasModules)
  const found = find()
  if (found) return found
  if (!process.env['PYTHON_BIN']) installPackages(`Python with ${modules.join(', ')}`, packages)
  const installed = find()
  if (installed) return installed
  throw new Missing(
    `no Python with ${modules.join(', ')}: run \`apt-get install ${packages.join(' ')}\` as root, or set PYTHON_BIN`,
  )
}
