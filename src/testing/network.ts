import type { Machine } from './machine.js'
import { orderedDelays, type Realm } from './realm.js'

/**
 * - `cut`: the machine knows that it is offline, connections end and new ones fail at once
 * - `stalled`: everything waits and arrives later
 * - `hole`: everything is lost without an error
 */
export type NetworkState = 'up' | 'cut' | 'stalled' | 'hole'

/** How long a connection may take to open when nothing answers. */
const CONNECT_TIMEOUT_MS = 20_000
/** How long a request may take when nothing answers. */
const REQUEST_TIMEOUT_MS = 10_000

/** The client's end of a connection. */
export interface ClientEnd {
  send(packet: unknown): void
  /** The server is told, if the network lets it through. */
  close(): void
}

export interface ClientEndHandlers {
  onOpen(): void
  onFail(reason: string): void
  onPacket(packet: unknown): void
  onClose(reason: string): void
}

/** The server's end of a connection. */
export interface ServerEnd {
  send(packet: unknown): void
  close(): void
}

export interface ServerEndHandlers {
  onPacket(packet: unknown): void
  onClose(): void
}

/**
 * The server's answer to a new connection: its handlers, or undefined when it refuses. `webSocket`: the path that was asked for,
 * where the client speaks the plain WebSocket wire.
 */
export type AcceptConnection = (end: ServerEnd, webSocket: string | undefined) => ServerEndHandlers | undefined

/** Runs `run` when something has crossed the network, or `onLost` when it was lost. */
type CarryOver = (ms: number, run: () => void, onLost?: () => void) => void

/** What the network keeps of a connection. */
interface Connection {
  readonly realm: Realm
  /** The machine goes offline: both ends of the connection go dead, and the client is told. */
  cut(): void
  /** Both ends go dead, and neither is told. */
  lose(): void
  /** The client closes; `reported`: its code is told. */
  end(reported: boolean): void
}

/** Between the pages and workers of one machine and one server. Packets of one connection keep their order. */
export function createNetwork(machine: Machine, accept: AcceptConnection, delay: () => number) {
  const { time } = machine
  const random = machine.createRandom()
  const connections = new Set<Connection>()
  const counts = { attempts: 0, requests: 0 }
  let state: NetworkState = 'up'
  let held: (() => void)[] = []

  const carry: CarryOver = (ms, run, onLost = () => undefined) => {
    time.after(ms, () => {
      if (state === 'stalled') held.push(() => carry(0, run, onLost))
      else if (state === 'up') run()
      else onLost()
    })
  }

  /** A request over a connection of its own. Rejects when it is lost, or when `answer` throws at the server. */
  function request<T>(realm: Realm, maxDelayMs: number, answer: () => T): Promise<T> {
    counts.requests++
    return new Promise((resolve, reject) => {
      const fail = (ms: number) => realm.task(ms, () => reject(new TypeError('failed to fetch')))
      const onLost = () => fail(state === 'cut' ? 5 : REQUEST_TIMEOUT_MS)
      if (state === 'cut') {
        fail(1)
        return
      }
      const reply = (run: () => void) => carry(random() * maxDelayMs, () => realm.task(0, run), onLost)
      carry(
        random() * maxDelayMs,
        () => {
          let result: T
          try {
            result = answer()
          } catch (thrown) {
            reply(() => reject(thrown))
            return
          }
          const copy = structuredClone(result)
          reply(() => resolve(copy))
        },
        onLost,
      )
    })
  }

  const of = (realm: Realm) => [...connections].filter((connection) => connection.realm === realm)

  return {
    connect(realm: Realm, handlers: ClientEndHandlers, webSocket?: string): ClientEnd {
      counts.attempts++
      const isCut = () => state === 'cut'
      const acceptThis = (end: ServerEnd) => accept(end, webSocket)
      return openConnection({ machine, random, delay, carry, connections, accept: acceptThis, isCut }, realm, handlers)
    },
    request,
    /** How many connections were tried, and how many requests were made, so far. */
    counts,
    get state() {
      return state
    },
    change(to: NetworkState): void {
      if (to === state) return
      state = to
      if (to === 'cut') for (const connection of [...connections]) connection.cut()
      if (to === 'hole') for (const connection of [...connections]) connection.lose()
      const waiting = held
      held = []
      if (to === 'stalled') held = waiting
      else for (const run of waiting) run()
    },
    /** Every open connection goes dead and neither end is told; new ones work. */
    halfOpen(): void {
      for (const connection of [...connections]) connection.lose()
    },
    /** The system closes the connections of a dead page or worker. */
    closeAll(realm: Realm): void {
      for (const connection of of(realm)) connection.end(false)
    },
    /** A page that enters the back/forward cache keeps no connection; its code is told when it is back. */
    suspendAll(realm: Realm): void {
      for (const connection of of(realm)) connection.end(true)
    },
  }
}

interface ConnectionContext {
  readonly machine: Machine
  readonly random: () => number
  readonly delay: () => number
  readonly carry: CarryOver
  readonly connections: Set<Connection>
  readonly accept: (end: ServerEnd) => ServerEndHandlers | undefined
  readonly isCut: () => boolean
}

function openConnection(context: ConnectionContext, realm: Realm, handlers: ClientEndHandlers): ClientEnd {
  const { machine, random, delay, carry, connections, accept, isCut } = context
  /** False: the connection swallows packets. */
  let alive = true
  let server: ServerEndHandlers | undefined
  let clientClosed = false
  let serverClosed = false
  const up = orderedDelays(machine, random, delay())
  const down = orderedDelays(machine, random, delay())
  const tell = (run: () => void) =>
    realm.task(0, () => {
      if (!clientClosed) run()
    })
  const finish = (report: () => void) => {
    clientClosed = true
    stopTimeout()
    if (server === undefined || serverClosed) connections.delete(connection)
    report()
  }
  const fail = (reason: string) => tell(() => finish(() => handlers.onFail(reason)))
  const toServer = (run: (server: ServerEndHandlers) => void) =>
    carry(up(), () => {
      if (alive && server && !serverClosed) run(server)
    })
  const hangUp = () => {
    toServer((handlersThere) => {
      serverClosed = true
      handlersThere.onClose()
      connections.delete(connection)
    })
    clientClosed = true
    stopTimeout()
  }
  const serverEnd: ServerEnd = {
    send(packet) {
      if (serverClosed) return
      const copy: unknown = structuredClone(packet)
      carry(down(), () => {
        if (alive) tell(() => handlers.onPacket(copy))
      })
    },
    close() {
      if (serverClosed) return
      serverClosed = true
      carry(down(), () => {
        if (alive) tell(() => finish(() => handlers.onClose('transport close')))
      })
    },
  }
  const connection: Connection = {
    realm,
    cut() {
      alive = false
      tell(() => finish(() => (server ? handlers.onClose('transport close') : handlers.onFail('offline'))))
    },
    lose() {
      alive = false
    },
    end(reported) {
      if (clientClosed) return
      hangUp()
      if (reported)
        realm.task(0, () => (server ? handlers.onClose('transport close') : handlers.onFail('transport close')))
    },
  }
  connections.add(connection)

  const stopTimeout = realm.after(CONNECT_TIMEOUT_MS, () => {
    if (!clientClosed) finish(() => handlers.onFail('timeout'))
  })
  const open = () => {
    if (clientClosed || !alive) return
    server = accept(serverEnd)
    const onOpened = () => {
      stopTimeout()
      handlers.onOpen()
    }
    if (server) carry(down(), () => tell(onOpened))
    else carry(down(), () => fail('refused'))
  }
  if (isCut()) fail('offline')
  else
    carry(up() + delay(), open, () => {
      if (isCut()) fail('offline')
    })
  return {
    send(packet) {
      if (clientClosed) return
      const copy: unknown = structuredClone(packet)
      toServer((handlersThere) => handlersThere.onPacket(copy))
    },
    close() {
      if (!clientClosed) hangUp()
    },
  }
}

export type Network = ReturnType<typeof createNetwork>
