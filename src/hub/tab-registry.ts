import type { Endpoint } from '../wire/endpoint.js'
import type { Hello, HubMessage } from '../wire/protocol.js'

/** A tab that is attached to this hub. */
export interface Tab {
  readonly id: string
  readonly endpoint: Endpoint
  /** The names of the events that it asks for. */
  wanted: ReadonlySet<string>
  /** The topics that it uses. */
  topics: ReadonlySet<string>
  /** Last sign of life. Milliseconds since the Unix epoch. */
  seen: number
  /** Ends whatever waits for this tab. */
  readonly gone: AbortController
  /** Its death is told by a lock; without one, by silence. */
  readonly locked: boolean
  /** It is at a port, not on a BroadcastChannel: credentials may be asked of it. */
  readonly trusted: boolean
  /** It attached while the socket was away, with no history to go by: it is owed a gap, even if the socket recovers. */
  owed: boolean
  /** It hears the multicast. */
  subscribed: boolean
}

/** Who is attached. */
export class TabRegistry {
  readonly #tabs = new Map<string, Tab>()

  get size(): number {
    return this.#tabs.size
  }

  all(): Tab[] {
    return [...this.#tabs.values()]
  }

  get(id: string): Tab | undefined {
    return this.#tabs.get(id)
  }

  /** `seen`: now. */
  add(endpoint: Endpoint, { tab: id, events, topics, lock }: Hello, trusted: boolean, seen: number): Tab {
    const tab: Tab = {
      id,
      endpoint,
      wanted: new Set(events),
      topics: new Set(topics),
      seen,
      gone: new AbortController(),
      locked: lock !== undefined,
      trusted,
      owed: false,
      subscribed: false,
    }
    this.#tabs.set(id, tab)
    return tab
  }

  /**
   * Only this very attachment: the same tab may have attached anew. The endpoint is left alone, since its page may be in
   * the back/forward cache, out of which any message would evict it.
   */
  remove(tab: Tab): boolean {
    tab.gone.abort()
    return this.#tabs.get(tab.id) === tab && this.#tabs.delete(tab.id)
  }

  wants(event: string): boolean {
    for (const tab of this.#tabs.values()) if (tab.wanted.has(event)) return true
    return false
  }

  tell(message: HubMessage): void {
    for (const tab of this.#tabs.values()) tab.endpoint.postMessage(message)
  }
}
