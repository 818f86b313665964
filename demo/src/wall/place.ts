import type { QueryClient } from '@tanstack/react-query'
import type { Half, WallBalance } from '../../server/wall.js'

export interface Place {
  readonly wall: string
  readonly half: Half
  /** 1 to 12. */
  readonly number: number
  /** For the right half. */
  readonly host: 'auto' | 'leader-tab'
}

/** What a tile plays. `frozen`: its events wait, as in a tab that the browser has stopped. */
export type Act = 'visible' | 'hidden' | 'frozen'

export interface TileState {
  readonly act: Act
  readonly data: WallBalance | undefined
  readonly isFetching: boolean
  readonly isFailing: boolean
  readonly isConnected: boolean
  /** It knows that what it shows may be old: its query is marked, or it is not connected. */
  readonly isStale: boolean
  readonly hub: 'leader' | 'follower' | 'shared-worker' | undefined
}

/** How a tile hears of changes. */
export interface Wire {
  read(): Pick<TileState, 'isConnected' | 'hub'>
  freeze(isFrozen: boolean): void
}

/** What a wire works with. */
export interface Power {
  readonly place: Place
  readonly client: QueryClient
  token(): Promise<{ token: string }>
  onEvent(): void
  onChange(): void
}

declare global {
  interface Window {
    /** In a tile: for the wall around it. */
    tile?: {
      read(): TileState
      show(act: Act): void
      /** Whether it shows old data without knowing it; that only the wall can tell. */
      mark(isWrong: boolean): void
    }
    /** In the wall: for its tiles. */
    wall?: {
      /** `event`: the tile got one. `ask`: it asks the server for its balance. */
      hear(half: Half, number: number, what: 'event' | 'ask'): void
    }
  }
}

const euros = new Intl.NumberFormat('en-IE', { style: 'currency', currency: 'EUR', maximumFractionDigits: 0 })

/** Whole euros. */
export const whole = (amount: number): string => euros.format(amount)
