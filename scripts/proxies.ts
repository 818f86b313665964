/** Throw-away load balancers for the tests and the demo, with the configuration that docs/deploy.md shows. */
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endProcess, ensureProgram, freePort, spawnWithUs, untilListening } from './service.js'

export const PROXIES = { haproxy: 'haproxy.cfg', nginx: 'nginx.conf' } as const
export type ProxyKind = keyof typeof PROXIES

export interface LoadBalancer {
  readonly url: string
  stop(): Promise<void>
}

/** The configuration as it is in the repository: the load balancer at :4400, the processes at :4401, :4402, … */
export const configOf = (kind: ProxyKind): string =>
  readFileSync(fileURLToPath(new URL(`../demo/cluster/${PROXIES[kind]}`, import.meta.url)), 'utf8')

/** The same, where our processes are: nothing else of it is touched. */
function configFor(kind: ProxyKind, port: number, ports: readonly number[]): string {
  return [port, ...ports].reduce((config, actual, index) => {
    const shown = `127.0.0.1:${4400 + index}`
    if (!config.includes(shown)) throw new Error(`${PROXIES[kind]} has no ${shown}`)
    // Marked, or a port that is really used could be taken for one of the file's.
    return config.replaceAll(shown, `127.0.0.1:<${actual}>`)
  }, configOf(kind))
}

/** What belongs around it, for a user who may not be root: the file itself goes to /etc/nginx/conf.d. */
const NGINX = (folder: string) => `
  daemon off; pid ${folder}/nginx.pid; error_log stderr; worker_processes 1;
  events { worker_connections 1024; }
  http {
    access_log off;
    ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((one) => `${one}_temp_path ${folder}/${one};`).join(' ')}
    include ${folder}/app.conf;
  }`

/** Starts one in front of these ports, on loopback. Rejects with a sentence when there is none to be had. */
export async function startProxy(kind: ProxyKind, ports: readonly number[], wanted?: number): Promise<LoadBalancer> {
  const program = ensureProgram(kind)
  const port = wanted ?? (await freePort())
  const folder = mkdtempSync(join(tmpdir(), `partyline-${kind}-`))
  const main = join(folder, 'main.conf')
  const app = configFor(kind, port, ports).replaceAll(/<(\d+)>/g, '$1')
  if (kind === 'nginx') writeFileSync(join(folder, 'app.conf'), app)
  writeFileSync(main, kind === 'nginx' ? NGINX(folder) : app)
  const args = kind === 'nginx' ? ['-p', folder, '-c', main, '-e', 'stderr'] : ['-db', '-f', main]
  const server = spawnWithUs(program, args, folder)
  server.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  await untilListening(server, () => accepts(port))
  return { url: `http://127.0.0.1:${port}`, stop: () => endProcess(server) }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } finally {
    socket.destroy()
  }
}
