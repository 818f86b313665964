/** The bank as a process of its own, for a test to kill: it is prepared at once, and opens on a message. */
import { once } from 'node:events'
import { type Demo, startDemo } from '../demo/server/server.js'
import { type Session, Sessions } from '../demo/server/sessions.js'

export interface BankProcessOptions {
  readonly port: number
  readonly databaseUrl: string
  /** Sessions outlive the process, as a real bank's do; the tokens for sockets do not. */
  readonly sessions: readonly Session[]
}

/** The answer to any message after the first. */
export type BankCount = Pick<Demo['stats'], 'openSockets' | 'connections' | 'refused'> & { readonly fetches: number }

// The parent has ended.
process.on('disconnect', () => process.exit())

process.send?.('ready')
const [{ port, databaseUrl, sessions }] = (await once(process, 'message')) as [BankProcessOptions]
const { stats } = await startDemo({ port, databaseUrl, sessions: new Sessions(sessions) })
process.on('message', () => {
  const { openSockets, connections, refused, requests } = stats
  process.send?.({ openSockets, connections, refused, fetches: requests.length } satisfies BankCount)
})
process.send?.('open')
