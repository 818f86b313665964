import { createStore } from './store.js'

export interface News {
  readonly id: number
  readonly text: string
}

const SHOWN_FOR_MS = 6_000

/** What has just happened, in the header: it covers nothing. */
export const news = createStore<News | undefined>(undefined)

/** What the user asked for and did not get. It stays until it is dismissed, or something succeeds. */
export const failure = createStore<string | undefined>(undefined)

let nextId = 1

/** Tells the user something for a moment. */
export function say(text: string): void {
  const said = { id: nextId++, text }
  failure.set(undefined)
  news.set(said)
  setTimeout(() => news.get() === said && news.set(undefined), SHOWN_FOR_MS)
}

/** For a request that failed. */
export const fail = (error: Error): void => failure.set(error.message)
