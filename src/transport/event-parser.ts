/** What a stream of Server-Sent Events holds. */
export interface EventParserHandlers {
  /** `type`: 'message' where the server gave none. `id`: of this very event. */
  onEvent(type: string, data: string, id: string | undefined): void
  /** The server asks for this pause before the next connection. Milliseconds. */
  onRetry(ms: number): void
  /** An event was longer than `maxCharacters`, and is left out. */
  onTooLarge(): void
}

const NO_EVENT = { type: '', data: '', id: undefined as string | undefined, isTooLarge: false }

/**
 * Parses a stream as the HTML standard says, from bytes that are cut anywhere. Differs in two points: `id` is that of the event
 * alone, and an event without data is handed on if it has a name.
 */
export function createEventParser(maxCharacters: number, handlers: EventParserHandlers) {
  // Drops a byte order mark.
  const decoder = new TextDecoder()
  /** The last line, as far as it has come. */
  let rest = ''
  let endedWithCr = false
  let event = { ...NO_EVENT }

  function takeLine(line: string): void {
    if (line === '') {
      const { type, data, id, isTooLarge } = event
      event = { ...NO_EVENT }
      if (isTooLarge) handlers.onTooLarge()
      else if (data !== '' || type !== '') handlers.onEvent(type || 'message', data.slice(0, -1), id)
      return
    }
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) as RegExpExecArray
    if (field === 'event') event.type = value
    else if (field === 'data') event.data += `${value}\n`
    else if (field === 'id' && !value.includes('\0')) event.id = value
    else if (field === 'retry' && /^\d+$/.test(value)) handlers.onRetry(Number(value))
    if (event.data.length > maxCharacters) tooLarge()
  }

  /** Keeps nothing of it but its end to come. */
  function tooLarge(): void {
    event.isTooLarge = true
    event.data = ''
  }

  return (bytes: Uint8Array): void => {
    let text = decoder.decode(bytes, { stream: true })
    if (text === '') return
    // Half of a line's end may come with the next bytes, but what it ends is handed on now.
    if (endedWithCr && text.startsWith('\n')) text = text.slice(1)
    endedWithCr = text.endsWith('\r')
    const lines = text.split(/\r\n?|\n/)
    lines[0] = rest + lines[0]
    rest = lines.pop() as string
    lines.forEach(takeLine)
    if (rest.length <= maxCharacters) return
    tooLarge()
    // What is left of this line counts as a comment.
    rest = ':'
  }
}
