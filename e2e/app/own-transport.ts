/** A transport of the app's own: an EventSource, as the browser has it. It only receives. */
import type { OpenTransport } from 'partyline'

export const openOwn: OpenTransport = ({ url }, handlers) => {
  let source: EventSource | undefined
  const end = () => {
    source?.close()
    source = undefined
  }
  function connect(): void {
    end()
    let isUp = false
    const opened = new EventSource(new URL('/own', url))
    source = opened
    opened.onopen = () => {
      isUp = true
      handlers.onUp(false)
    }
    opened.onmessage = ({ data }) => {
      handlers.onAlive()
      const { event, metadata } = JSON.parse(data) as { event: string; metadata?: object }
      handlers.onEvent(event, metadata)
    }
    opened.onerror = () => {
      if (source !== opened) return
      end()
      if (isUp) handlers.onDown('the stream ended')
      else handlers.onAttemptFailed('the stream could not be opened')
    }
  }
  return {
    connect() {
      if (!source) connect()
    },
    reconnect: connect,
    disconnect: end,
    close: end,
  }
}
