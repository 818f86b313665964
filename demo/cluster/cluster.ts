import { ensurePostgres, startPostgres } from '../../scripts/postgres.js'
import { type ProxyKind, startProxy } from '../../scripts/proxies.js'
import { startRedis } from '../../scripts/redis.js'
import { ensureProgram, freePort } from '../../scripts/service.js'
import { ClusterNode, type Drained, type SocketEvent } from './node.js'

/** The demo as it would be deployed: a load balancer, three processes, one PostgreSQL, one Redis; all of them real. */
export interface Cluster {
  readonly url: string
  readonly databaseUrl: string
  readonly nodes: readonly ClusterNode[]
  close(): Promise<void>
}

export interface ClusterOptions {
  readonly proxy: ProxyKind
  /** @default any free port */
  readonly port?: number | undefined
  readonly onSocket?: (event: SocketEvent) => void
}

/** Rejects with one sentence when a program is missing that can't be installed. */
export async function startCluster({ proxy, port, onSocket }: ClusterOptions): Promise<Cluster> {
  const started: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (const stop of started.splice(0).reverse()) await stop()
  }
  /** For an order of their own in the end: the first one started is the last one stopped. */
  async function keep<T extends { stop(): Promise<void> }>(service: Promise<T>): Promise<T> {
    const running = await service
    started.push(() => running.stop())
    return running
  }

  try {
    ensurePostgres()
    ensureProgram('redis-server')
    const { url: databaseUrl } = await keep(startPostgres())
    const { url: redisUrl } = await keep(startRedis())
    const nodes: ClusterNode[] = []
    for (const number of [1, 2, 3]) {
      const options = { port: await freePort(), databaseUrl, redisUrl }
      nodes.push(new ClusterNode(number, options, onSocket ?? (() => undefined)))
    }
    const ports = nodes.map(({ options }) => options.port)
    const { url } = await keep(startProxy(proxy, ports, port))
    for (const node of nodes) started.push(() => node.kill())
    await Promise.all(nodes.map((node) => node.start()))
    return { url, databaseUrl, nodes, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** One after the other, so that one process is always ready. */
export async function rollingRestart(
  { nodes }: Cluster,
  spreadMs: number,
  onDrained?: (node: ClusterNode, result: Drained) => void,
): Promise<void> {
  for (const node of nodes) {
    const result = await node.drain(spreadMs)
    onDrained?.(node, result)
    await node.start()
  }
}
