/** A transport of the app's own: the browser's EventSource, with the cookie as its credentials. It only receives. */
import type { OpenTransport } from 'partyline'

const EVENTS = ['_line', 'note_changed', 'board_changed']

export const openEventSource: OpenTransport = ({ url }, handlers) => {
  let source: EventSource | undefined

  function end(): void {
    source?.close()
    source = undefined
  }

  function attempt(): void {
    end()
    let isUp = false
    const opened = new EventSource(url)
    source = opened
    for (const name of EVENTS)
      opened.addEventListener(name, ({ data }) => {
        handlers.onAlive()
        const metadata = JSON.parse(data)
        // The server's first word: from here on it sends all of the user's events.
        if (!isUp && metadata.stream) handlers.onUp(false)
        else handlers.onEvent(name, metadata)
        isUp = true
      })
    opened.onerror = () => {
      if (source !== opened) return
      // It would come back by itself. The hub decides when.
      end()
      if (isUp) handlers.onDown('the stream ended')
      else handlers.onAttemptFailed('the stream could not be opened')
    }
  }

  return {
    connect() {
      if (!source) attempt()
    },
    reconnect: attempt,
    disconnect: end,
    close: end,
  }
}
