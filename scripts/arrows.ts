/**
 * Guards the house: data flows one way, so arrows (imports) never point back; a browser global or a heavy dependency
 * stands in the one file that may use it; no file grows large.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

/** Each room, and the rooms that it may import. Whatever is not named here may not be imported. */
const ROOMS: Record<string, readonly string[]> = {
  protocol: [],
  'channel-message': ['environment-common', 'protocol'],
  status: [],
  endpoint: [],
  errors: [],
  'environment-common': [],
  environment: ['environment-common'],
  locks: ['environment-common'],
  patience: ['environment-common'],
  key: ['protocol'],
  election: ['environment-common'],
  listeners: ['errors'],
  transport: ['environment-common', 'protocol', 'errors'],
  hub: [
    'transport',
    'election',
    'status',
    'locks',
    'patience',
    'environment-common',
    'endpoint',
    'errors',
    'protocol',
    'channel-message',
  ],
  invalidation: ['environment', 'locks', 'errors', 'protocol'],
  link: [
    'hub',
    'election',
    'locks',
    'patience',
    'environment',
    'endpoint',
    'errors',
    'protocol',
    'channel-message',
    'status',
  ],
  'own-requests': ['invalidation'],
  polling: ['environment'],
  topics: ['invalidation', 'errors', 'protocol'],
  options: ['polling', 'environment', 'errors', 'invalidation', 'status'],
  'status-store': ['link', 'listeners', 'errors', 'status'],
  session: [
    'hub',
    'election',
    'link',
    'invalidation',
    'key',
    'options',
    'polling',
    'topics',
    'environment',
    'errors',
    'protocol',
  ],
  stays: ['session', 'invalidation', 'errors'],
  'event-handlers': ['errors', 'protocol'],
  tab: ['session', 'invalidation', 'link', 'environment', 'errors'],
  client: [
    'stays',
    'own-requests',
    'event-handlers',
    'tab',
    'topics',
    'status-store',
    'listeners',
    'options',
    'invalidation',
    'link',
    'environment',
    'environment-common',
    'errors',
    'protocol',
    'status',
  ],
  react: ['client', 'stays', 'status', 'topics'],
  server: [],
  'events-of': ['client'],
  index: [
    'client',
    'events-of',
    'stays',
    'session',
    'topics',
    'options',
    'invalidation',
    'environment',
    'errors',
    'protocol',
    'status',
  ],
}

/** Packages, and the only places that may import them. */
const PACKAGES: Record<string, readonly RegExp[]> = {
  'socket.io-client': [/^transport\/socket-io\.ts$/],
  comlink: [/^hub\/serve\.ts$/],
  'lodash-es/debounce.js': [/^environment\.ts$/],
  '@standard-schema/spec': [/^invalidation\/rule\.ts$/],
  react: [/^react\//],
  '@tanstack/react-query': [/^react\//],
}

const GLOBALS =
  /(?<![.\w'"`])(window|document|navigator|location|localStorage|sessionStorage|SharedWorker|BroadcastChannel|MessageChannel|setTimeout|clearTimeout|setInterval|requestAnimationFrame|performance|crypto|indexedDB)(?=[.([]|\s*\()/
const MOST_LINES = 240
/** For Node: it knows nothing of the browser's half, and timers are its own. */
const SERVER = /^server\//

const faults: string[] = []
const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(
  (file) => /\.tsx?$/.test(file) && !/\.test(-d)?\.tsx?$/.test(file) && !file.startsWith('testing'),
)

for (const file of files) {
  const text = readFileSync(join('src', file), 'utf8')
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '')
  const room = roomOf(file)
  const allowed = ROOMS[room]
  if (!allowed) faults.push(`${file}: no such room in the plan of the house (scripts/arrows.ts)`)

  for (const [, from, dynamic] of code.matchAll(/(?:from|import)\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]/g)) {
    const target = from ?? dynamic ?? ''
    if (!target.startsWith('.')) {
      const places = PACKAGES[target]
      if (!places?.some((place) => place.test(file))) faults.push(`${file}: may not import the package ${target}`)
      continue
    }
    const other = roomOf(normalize(join(dirname(file), target)))
    if (other !== room && !allowed?.includes(other))
      faults.push(`${file}: an arrow from ${room} to ${other} points back`)
  }

  const found = GLOBALS.exec(code)
  const own = SERVER.test(file) ? /Timeout$/ : undefined
  if (found && !own?.test(found[1] ?? '') && !/^environment(-common)?\.ts$/.test(file))
    faults.push(`${file}: touches the browser's ${found[1]}; take it from the environment`)

  const lines = text.split('\n').length
  if (lines > MOST_LINES) faults.push(`${file}: ${lines} lines; a file has one idea and at most ${MOST_LINES}`)
}

function roomOf(path: string): string {
  const [first = '', ...rest] = path.replaceAll('\\', '/').split('/')
  return rest.length > 0 ? first : first.replace(/\.\w+$/, '')
}

for (const fault of faults) console.error(fault)
console.log(`${files.length} files, ${faults.length} arrows or globals out of place`)
if (faults.length > 0) process.exitCode = 1
