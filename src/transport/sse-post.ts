import type { HubEnvironment } from '../platform/environment.js'
import { isMetadata, type Metadata, RESERVED } from '../wire/protocol.js'
import type { Frame } from './frames.js'

/** The server may take this long to take what is posted. */
const POST_TIMEOUT_MS = 10_000
/** So many frames go in one request. */
const MAX_POSTED_FRAMES = 100
/** With more, they take several: servers have a limit. */
const MAX_REQUEST_CHARACTERS = 25_000

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
  /** It takes no more at the moment, and has taken nothing of the request. */
  readonly onTooMany?: () => void
  /** It has not taken the request, or nobody knows. */
  readonly onFailed?: () => void
  /** Nobody waits for it any more: it is not sent. */
  readonly isLate?: () => boolean
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
      const { status, ok } = await request({
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-partyline-stream': stream, ...together[0]?.headers },
        body: JSON.stringify(together.map(({ frame }) => frame)),
        signal: attempt.signal,
      })
      if (status === 404) onUnknown()
      for (const { onAnswered, onTooMany, onFailed } of together) {
        onAnswered?.()
        if (status === 429) onTooMany?.()
        else if (!ok) onFailed?.()
      }
    } catch {
      // What Partyline asked gets no answer, and is asked again.
      for (const { onFailed } of together) onFailed?.()
    } finally {
      cancel()
      life.removeEventListener('abort', abort)
    }
  }

  /** The frames of the next request: all that wait, but for credentials. */
  function take(): readonly Outgoing[] {
    let count = 0
    let characters = 0
    for (const { frame, headers } of outgoing) {
      characters += JSON.stringify(frame).length
      const isFull = headers || count === MAX_POSTED_FRAMES || characters > MAX_REQUEST_CHARACTERS
      if (count > 0 && isFull) break
      count++
      if (headers) break
    }
    return outgoing.splice(0, count)
  }

  return {
    isBusy: () => isPosting,
    async post(next: Outgoing): Promise<void> {
      outgoing.push(next)
      if (isPosting) return
      isPosting = true
      while (outgoing.length > 0 && !life.aborted) {
        const together = take().filter(({ isLate }) => !isLate?.())
        if (together.length > 0) await post(together)
      }
      isPosting = false
    },
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
