import type { Receipt } from 'partyline'
import { line } from './realtime.js'
import { tallyOf } from './savings.js'
import { createStore } from './store.js'
import { addToTally } from './tally.js'

export interface FeedItem {
  readonly id: number
  readonly receipt: Receipt
}

const KEPT = 30

/** What the line did in this tab, newest first. */
export const feed = createStore<readonly FeedItem[]>([])

let nextId = 1

export function watchReceipts(): void {
  line.onReceipt((receipt) => {
    addToTally(tallyOf(receipt))
    feed.set([{ id: nextId++, receipt }, ...feed.get()].slice(0, KEPT))
  })
}
