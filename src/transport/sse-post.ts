import type { HubEnvironment } from '../platform/environment.js'
import { isMetadata, type Metadata, RESERVED } from '../wire/protocol.js'
import type { Frame } from './frames.js'

/** The server may take this long to take what is posted. */
const POST_TIMEOUT_MS = 10_000
/** So many frames go in one request. */
const MAX_POSTED_FRAMES = 100

export interface SsePosterOptions {
  readonly request: (init: RequestInit) => Promise<Response>
  readonly timers: HubEnvironment['timers']
  /** Aborts at the connection's end. */
  readonly life: AbortSignal
  /** The server's name for the stream. */
  readonly stream: string
  /** The server does not know the stream. */
  readonly onUnknown: () => void
}

/** What waits to be posted. `headers`: with credentials, which go alone. */
export interface Outgoing {
  readonly frame: Frame
  readonly headers?: Readonly<Record<string, string>>
  /** The server has answered the request. */
  readonly onAnswered?: () => void
}

/** Sends what belongs to a stream, in requests of their own: one after the other, since what was said first has to arrive first. */
export function createSsePoster({ request, timers, life, stream, onUnknown }: SsePosterOptions) {
  const outgoing: Outgoing[] = []
  let isPosting = false

  async function post(together: readonly Outgoing[]): Promise<void> {
    const attempt = new AbortController()
    const abort = () => attempt.abort()
    life.addEventListener('abort', abort)
    const cancel = timers.after(POST_TIMEOUT_MS, abort)
    try {
      const { status } = await request({
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-partyline-stream': stream, ...together[0]?.headers },
        body: JSON.stringify(together.map(({ frame }) => frame)),
        signal: attempt.signal,
      })
      if (status === 404) onUnknown()
      else for (const { onAnswered } of together) onAnswered?.()
    } catch {
      // What was asked gets no answer, and is asked again.
    } finally {
      cancel()
      life.removeEventListener('abort', abort)
    }
  }

  /** The frames of the next request: all that wait, but for credentials. */
  function take(): readonly Outgoing[] {
    const alone = outgoing.findIndex(({ headers }) => headers)
    return outgoing.splice(0, alone === 0 ? 1 : Math.min(MAX_POSTED_FRAMES, alone < 0 ? outgoing.length : alone))
  }

  return async (next: Outgoing): Promise<void> => {
    outgoing.push(next)
    if (isPosting) return
    isPosting = true
    while (outgoing.length > 0 && !life.aborted) await post(take())
    isPosting = false
  }
}

/** A header takes these characters. A token has no space. */
const isHeaderText = (value: string) => /^[\x20-\x7e]+$/.test(value)

/**
 * Credentials as headers. A token alone is a bearer token, as everybody reads it; anything else goes as JSON. The cursor is the
 * standard's `Last-Event-ID`.
 */
export function headersOf({ cursor, [RESERVED]: ours, ...credentials }: Metadata = {}): Record<string, string> {
  const { token, expiresAt: _, ...rest } = credentials
  const isBearer = typeof token === 'string' && /^[\x21-\x7e]+$/.test(token) && Object.keys(rest).length === 0
  const last = String(cursor)
  return {
    ...(isBearer && { authorization: `Bearer ${token}` }),
    ...(!isBearer && Object.keys(credentials).length > 0 && { authorization: `Partyline ${base64Of(credentials)}` }),
    ...(isMetadata(ours) && { 'x-partyline-identity': encodeURIComponent(String(ours['identity'])) }),
    ...(cursor !== undefined && isHeaderText(last) && { 'last-event-id': last }),
  }
}

const base64Of = (value: object): string =>
  btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(value))))
