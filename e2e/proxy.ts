import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../scripts/service.js'

/** A network between a browser and a server, on loopback, that fails on command. */
export interface Proxy {
  readonly url: string
  /** From here on everything takes this much longer, in both directions. */
  delay(ms: number): void
  /** Ends every connection, as a server (`fin`) or a router (`rst`) does. New ones may be opened at once. */
  cut(how: 'fin' | 'rst'): void
  /**
   * Half-open: nothing passes any more, and neither side is notified, not even of the other side's end. New connections
   * open, and pass nothing either.
   */
  silence(): void
  /** The open WebSockets pass nothing any more, for good and without an error; everything else passes. */
  strand(): void
  /** New connections are refused; the open ones go on. */
  refuse(): Promise<void>
  /**
   * No more faults. A half-open connection does not recover: its next packet is answered with a reset, as by a router that
   * has dropped it.
   */
  heal(): Promise<void>
  close(): Promise<void>
}

/** A browser's connection, and the proxy's own one to the server on its behalf. */
interface Pair {
  readonly ends: readonly [browser: Socket, server: Socket]
  silent: boolean
  /** It passes nothing, also after the faults have ended. */
  stranded: boolean
  isWebSocket: boolean
  /** Data was sent into the half-open connection: TCP would retransmit it. */
  unheard: boolean
}

export async function startProxy(target: { readonly port: number }): Promise<Proxy> {
  const pairs = new Set<Pair>()
  let latency = 0
  let silent = false

  function reset(pair: Pair): void {
    pairs.delete(pair)
    for (const end of pair.ends) end.resetAndDestroy()
  }

  function send(pair: Pair, to: Socket, data: Buffer): void {
    if (!pair.isWebSocket && data.subarray(0, 2_000).toString('latin1').includes('Upgrade: websocket'))
      pair.isWebSocket = true
    if (pair.stranded) return
    if (!pair.silent) to.write(data)
    else if (silent) pair.unheard = true
    else reset(pair)
  }

  /** In the order of arrival, whatever the latency was at that moment. */
  function forward(pair: Pair, from: Socket, to: Socket): void {
    let line = Promise.resolve()
    let due = 0
    const inTurn = (run: () => void) => {
      due = Math.max(due, Date.now() + latency)
      const mine = due
      line = line.then(async () => {
        const wait = mine - Date.now()
        if (wait > 0) await sleep(wait)
        run()
      })
    }
    from.on('data', (data) => inTurn(() => send(pair, to, data)))
    from.on('end', () => inTurn(() => pair.silent || to.end()))
    from.on('close', () => inTurn(() => pair.silent || to.destroy()))
    // A broken connection closes as well, and that is what counts.
    from.on('error', () => undefined)
  }

  function accept(browser: Socket): void {
    const server = connect(target.port, '127.0.0.1')
    const pair: Pair = { ends: [browser, server], silent, stranded: false, isWebSocket: false, unheard: false }
    pairs.add(pair)
    for (const end of pair.ends) {
      end.setNoDelay(true)
      end.on('close', () => {
        if (pair.ends.every(({ destroyed }) => destroyed)) pairs.delete(pair)
      })
    }
    forward(pair, browser, server)
    forward(pair, server, browser)
  }

  let listener: Server | undefined
  const listen = async (port: number) => {
    listener = createServer(accept).listen(port, '127.0.0.1')
    await once(listener, 'listening')
    return (listener.address() as AddressInfo).port
  }
  const port = await listen(await freePort())

  const refuse = async () => {
    // Its callback would wait for the open connections; the port is free at once.
    listener?.close()
    listener = undefined
  }

  return {
    url: `http://127.0.0.1:${port}`,
    delay(ms) {
      latency = ms
    },
    cut(how) {
      for (const pair of pairs) {
        if (how === 'rst') reset(pair)
        else for (const end of pair.ends) end.end()
      }
    },
    silence() {
      silent = true
      for (const pair of pairs) pair.silent = true
    },
    strand() {
      for (const pair of pairs) if (pair.isWebSocket) pair.stranded = pair.silent = true
    },
    refuse,
    async heal() {
      latency = 0
      silent = false
      for (const pair of pairs) if (pair.unheard) reset(pair)
      if (!listener) await listen(port)
    },
    async close() {
      await refuse()
      for (const pair of pairs) reset(pair)
    },
  }
}
