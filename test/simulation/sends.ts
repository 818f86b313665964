import type { PartylineError } from '../../src/util/errors.js'
import type { Violate } from './app.js'
import type { Identity } from './backend.js'

/** Codes by which a tab is told that the server does not have it. */
const NOT_SENT = ['not-connected', 'bad-send', 'too-many', 'unsupported']

interface Sent {
  readonly who: Identity
  /** How it ended in its tab. */
  code?: string
  isHeard: boolean
}

/** What all tabs have sent, and what the server has heard of it. */
export function createSendBook(violate: Violate) {
  const book: Sent[] = []
  return {
    /** A number for what is sent next. */
    enter(who: Identity): number {
      book.push({ who, isHeard: false })
      return book.length - 1
    },
    /** It was acknowledged, with that number; or the tab knows why not. */
    ended(n: number, how: { readonly answer: unknown } | { readonly code: string }): void {
      const sent = book[n] as Sent
      if ('answer' in how) {
        if (how.answer !== n || !sent.isHeard) violate('honest', `send ${n} got the answer ${String(how.answer)}`)
        return
      }
      sent.code = how.code
      if (NOT_SENT.includes(how.code) && sent.isHeard)
        violate('honest', `send ${n} is ${how.code}, and the server has it`)
      if (how.code === 'rejected' && !sent.isHeard) violate('honest', `send ${n} was rejected by nobody`)
    },
    /** The server's side: some it acknowledges, some it refuses, some it does not answer. */
    heard(identity: string, data: unknown): unknown {
      const { n } = data as { readonly n: number }
      const sent = book[n] as Sent
      if (sent.isHeard) violate('honest', `send ${n} came twice`)
      sent.isHeard = true
      if (sent.who !== identity) violate("nobody else's", `send ${n} of ${sent.who} came as ${identity}'s`)
      if (NOT_SENT.includes(sent.code ?? '')) violate('honest', `send ${n} was ${sent.code}, and came all the same`)
      if (n % 5 === 0) return undefined
      return n % 5 === 1 ? { ok: false, message: 'no' } : { n }
    },
  }
}

export type SendBook = ReturnType<typeof createSendBook>

type SendOverLine = (event: string, data: object, options: object) => Promise<unknown>

/** What one app sends. */
export function createAppSends(book: SendBook, send: SendOverLine) {
  let open = 0
  return {
    /** How many have not settled. */
    open: () => open,
    send(who: Identity, timeoutMs: number): void {
      const n = book.enter(who)
      open++
      send('say', { n }, { timeoutMs }).then(
        (answer) => {
          open--
          book.ended(n, { answer: (answer as { n?: unknown }).n })
        },
        (thrown: PartylineError) => {
          open--
          book.ended(n, { code: thrown.code })
        },
      )
      const typing = book.enter(who)
      if (n % 3 === 0) void send('say', { n: typing }, { volatile: true })
    },
  }
}
