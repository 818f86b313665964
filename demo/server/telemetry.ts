/** One request to /api, as the end-to-end tests count them. */
export interface RequestRecord {
  readonly method: string
  /** With its query string. */
  readonly path: string
  /** The tab it came from (the page sends its `line.origin`). */
  readonly tab: string | undefined
  readonly userId: string | undefined
  readonly at: number
}

/** What this server has counted: plain data, for tests and for inspection. */
export class Stats {
  /** Sockets that are open now. */
  openSockets = 0
  /** Sockets opened in all. */
  connections = 0
  /** Sockets that were refused. */
  refused = 0
  requests: RequestRecord[] = []
  /** How many events were emitted, by name. */
  emitted: Record<string, number> = {}

  /** Sets all counts to zero, except that of the open sockets. */
  reset(): void {
    this.connections = 0
    this.refused = 0
    this.requests = []
    this.emitted = {}
  }

  record(request: RequestRecord): void {
    this.requests.push(request)
    // A demo left running for a week should not fill the memory with its own statistics.
    if (this.requests.length > 50_000) this.requests.splice(0, 25_000)
  }

  countEvent(name: string): void {
    this.emitted[name] = (this.emitted[name] ?? 0) + 1
  }
}

/** Things that go wrong on demand. All off by default. */
export interface Faults {
  /** Refuse the next so many socket handshakes, whatever their token. */
  refuseTokens: number
  /** Answer 404 for every static file with "worker" in its name: a browser that can't load the SharedWorker. */
  workerMissing: boolean
  /** Hold every /api request back for so many milliseconds. */
  apiDelay: number
}

export const noFaults = (): Faults => ({ refuseTokens: 0, workerMissing: false, apiDelay: 0 })
