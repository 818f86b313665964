import type { Machine } from './machine.js'
import { inOrder, type Realm } from './realm.js'

/**
 * `up`; `cut`: the machine knows that it is offline, connections end and new ones fail at once; `stalled`: everything waits
 * and comes through later; `hole`: everything is lost without a word.
 */
export type Weather = 'up' | 'cut' | 'stalled' | 'hole'

/** How long (ms) an attempt or a request may take when nothing answers. */
const TIMEOUT = 20_000
/** How long (ms) a request may take when nothing answers. */
const REQUEST_TIMEOUT = 10_000

/** The client's end of a connection. */
export interface Wire {
  send(packet: unknown): void
  /** `goodbye`: the server hears of it, if the network lets it through. */
  close(): void
}

export interface WireHandlers {
  onOpen(): void
  onFail(reason: string): void
  onPacket(packet: unknown): void
  onClose(reason: string): void
}

/** The server's end. */
export interface ServerWire {
  send(packet: unknown): void
  close(): void
}

export interface ServerWireHandlers {
  onPacket(packet: unknown): void
  onClose(): void
}

/** What the server answers to a new connection: its handlers, or undefined when it refuses. */
export type Accept = (wire: ServerWire) => ServerWireHandlers | undefined

/** Between the pages and workers of one machine and one server. A connection is ordered in itself; connections are not. */
export function createNetwork(machine: Machine, accept: Accept, delay: () => number) {
  const { time } = machine
  const chance = machine.chance()
  const wires = new Set<{ readonly realm: Realm; cut(): void; lose(): void; end(told: boolean): void }>()
  let weather: Weather = 'up'
  let held: (() => void)[] = []

  /** Runs `run` after the network's delay, later when it stalls; `lost` when it does not come through. */
  function carry(ms: number, run: () => void, lost: () => void = () => undefined): void {
    time.after(ms, () => {
      if (weather === 'stalled') held.push(() => carry(0, run, lost))
      else if (weather === 'up') run()
      else lost()
    })
  }

  function dial(realm: Realm, handlers: WireHandlers): Wire {
    /** Whether packets still pass; a dead wire swallows them. */
    let alive = true
    let open: ServerWireHandlers | undefined
    let clientClosed = false
    let serverClosed = false
    const up = inOrder(machine, chance, delay())
    const down = inOrder(machine, chance, delay())
    const tell = (run: () => void) =>
      realm.task(0, () => {
        if (!clientClosed) run()
      })
    const fail = (reason: string) => tell(() => end(() => handlers.onFail(reason)))
    const end = (say: () => void) => {
      clientClosed = true
      stopPatience()
      if (open === undefined || serverClosed) wires.delete(wire)
      say()
    }
    const toServer = (run: (server: ServerWireHandlers) => void) =>
      carry(up(), () => {
        if (alive && open && !serverClosed) run(open)
      })
    const hangUp = () => {
      toServer((server) => {
        serverClosed = true
        server.onClose()
        wires.delete(wire)
      })
      clientClosed = true
      stopPatience()
    }
    const serverEnd: ServerWire = {
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
          if (alive) tell(() => end(() => handlers.onClose('transport close')))
        })
      },
    }
    const wire = {
      realm,
      cut() {
        alive = false
        tell(() => end(() => (open ? handlers.onClose('transport close') : handlers.onFail('offline'))))
      },
      lose() {
        alive = false
      },
      end(told: boolean) {
        if (clientClosed) return
        hangUp()
        if (told) realm.task(0, () => (open ? handlers.onClose('transport close') : handlers.onFail('transport close')))
      },
    }
    wires.add(wire)

    const stopPatience = realm.after(TIMEOUT, () => {
      if (!clientClosed) end(() => handlers.onFail('timeout'))
    })
    if (weather === 'cut') fail('offline')
    else
      carry(
        up() + delay(),
        () => {
          if (clientClosed || !alive) return
          open = accept(serverEnd)
          const opened = () => {
            stopPatience()
            handlers.onOpen()
          }
          if (open) carry(down(), () => tell(opened))
          else carry(down(), () => fail('refused'))
        },
        () => {
          if (weather === 'cut') fail('offline')
        },
      )
    return {
      send(packet) {
        if (clientClosed) return
        const copy: unknown = structuredClone(packet)
        toServer((server) => server.onPacket(copy))
      },
      close() {
        if (!clientClosed) hangUp()
      },
    }
  }

  /** A request over a connection of its own; the server answers after commit, the page hears of it later. Rejects when it is lost. */
  function request<T>(realm: Realm, patience: number, answer: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (ms: number) => realm.task(ms, () => reject(new TypeError('failed to fetch')))
      const lost = () => fail(weather === 'cut' ? 5 : REQUEST_TIMEOUT)
      if (weather === 'cut') fail(1)
      else
        carry(
          chance() * patience,
          () => {
            let result: T
            try {
              result = answer()
            } catch (thrown) {
              carry(chance() * patience, () => realm.task(0, () => reject(thrown)), lost)
              return
            }
            const copy = structuredClone(result)
            carry(chance() * patience, () => realm.task(0, () => resolve(copy)), lost)
          },
          lost,
        )
    })
  }

  return {
    dial,
    request,
    get weather() {
      return weather
    },
    change(to: Weather): void {
      if (to === weather) return
      weather = to
      if (to === 'cut') for (const wire of [...wires]) wire.cut()
      if (to === 'hole') for (const wire of [...wires]) wire.lose()
      const waited = held
      held = []
      if (to === 'stalled') held = waited
      else for (const run of waited) run()
    },
    /** Every connection that there is goes dead without either end hearing of it; new ones work. */
    halfOpen(): void {
      for (const wire of [...wires]) wire.lose()
    },
    /** The system closes what a dead page or worker had open. */
    disown(realm: Realm): void {
      for (const wire of [...wires]) if (wire.realm === realm) wire.end(false)
    },
    /** A page in the back/forward cache keeps no connection; it hears of that when it is back. */
    hangUp(realm: Realm): void {
      for (const wire of [...wires]) if (wire.realm === realm) wire.end(true)
    },
  }
}

export type Network = ReturnType<typeof createNetwork>
