/** npm run demo:cluster: Ledger in three processes behind a load balancer, until Ctrl+C. */
import { createInterface } from 'node:readline'
import type { ProxyKind } from '../../scripts/proxies.js'
import { type Cluster, rollingRestart, startCluster } from './cluster.js'

const HELP = `  status         who serves what
  kill 2         SIGKILL for process 2; \`start 2\` brings it back
  restart        a rolling restart: each process moves its sockets to the others, ends, and starts again
  quit`
/** Over how many ms browsers move. */
const SPREAD = 5_000

const port = Number(process.env['PORT'] ?? 4400)
const proxy: ProxyKind = process.argv.includes('nginx') ? 'nginx' : 'haproxy'
const say = (line: string) => console.log(line)

function show({ nodes }: Cluster): void {
  for (const node of nodes) {
    const { number, pid, isRelaying, openSockets } = node
    const what = `${openSockets} socket${openSockets === 1 ? '' : 's'}${isRelaying ? ', relays the outbox' : ''}`
    say(`  process ${number} ${pid ? `(pid ${pid}, port ${node.options.port}): ${what}` : 'is down'}`)
  }
}

async function run(cluster: Cluster, line: string): Promise<void> {
  const [command, argument] = line.trim().split(/\s+/)
  const node = cluster.nodes[Number(argument) - 1]
  if (command === 'status') show(cluster)
  else if (command === 'kill' && node?.pid) {
    await node.kill()
    say(`  process ${node.number} is dead; its browsers find another one within seconds`)
  } else if (command === 'start' && node && !node.pid) {
    await node.start()
    say(`  process ${node.number} is open`)
  } else if (command === 'restart' && cluster.nodes.every(({ pid }) => pid)) {
    await rollingRestart(cluster, SPREAD, ({ number }, { had, left }) =>
      say(`  process ${number} had ${had} sockets, has ${left}, and starts again`),
    )
    show(cluster)
  } else if (command) say(HELP)
}

try {
  const cluster = await startCluster({
    proxy,
    port,
    onSocket: ({ node, open, userId, session, recovered }) => {
      const what = open ? `+ user ${userId}${recovered ? ', recovered' : ''}` : '-'
      say(`  process ${node}  ${what}  (browser ${session.slice(0, 6)})`)
    },
  })
  say(`Ledger is open at ${cluster.url}/bank: ${proxy}, three processes, PostgreSQL and Redis.`)
  say('Open it in as many tabs and browsers as you like, then try:')
  say(HELP)
  show(cluster)

  let ending = false
  const end = () => {
    // A second Ctrl+C ends it the hard way; nothing is left behind either way.
    if (ending) process.exit(1)
    ending = true
    void cluster.close().finally(() => process.exit())
  }
  process.on('SIGINT', end)
  process.on('SIGTERM', end)
  // Without a terminal there is no input, and it runs until a signal ends it.
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === 'quit') end()
    else await run(cluster, line).catch((error: Error) => say(`  ${error.message}`))
  }
} catch (error) {
  console.error(`The cluster could not start: ${error instanceof Error ? error.message : String(error)}`)
  process.exit(1)
}
