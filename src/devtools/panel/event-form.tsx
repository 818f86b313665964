/** @jsxImportSource preact */
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import type { Metadata } from '../../wire/protocol.js'
import type { ViewProps } from './store.js'
import { pickLast } from './store.js'

/** Chooses an event and its metadata, which begins as that of the last such event. */
export function EventForm(props: {
  readonly view: ViewProps
  readonly action: string
  readonly onSubmit: (event: string, metadata: Metadata) => void
  readonly children?: ComponentChildren
}) {
  const { view, action, onSubmit, children } = props
  const names = view.inspection.rules.map(({ event }) => event)
  const [event, setEvent] = useState(names[0] ?? '')
  const [text, setText] = useState<string>()
  const [fault, setFault] = useState<string>()
  const shown = text ?? lastMetadataOf(view, event)

  function submit(): void {
    const metadata = parseMetadata(shown)
    setFault(metadata ? undefined : 'Metadata is a JSON object, such as {"accountId": "7"}.')
    if (metadata && event !== '') onSubmit(event, metadata)
  }

  return (
    <form
      class="event-form"
      onSubmit={(submitted) => {
        submitted.preventDefault()
        submit()
      }}
    >
      <label>
        Event
        <input
          list="event-names"
          value={event}
          required
          spellcheck={false}
          autocomplete="off"
          onInput={({ currentTarget }) => {
            setEvent(currentTarget.value)
            setText(undefined)
          }}
        />
        <datalist id="event-names">
          {names.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </label>
      <label class="wide">
        Metadata
        <textarea
          rows={2}
          value={shown}
          spellcheck={false}
          aria-invalid={fault !== undefined}
          aria-describedby={fault && 'metadata-fault'}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
      </label>
      {children}
      <button type="submit" class="main">
        {action}
      </button>
      {fault && (
        <p id="metadata-fault" role="alert" class="fault">
          {fault}
        </p>
      )}
    </form>
  )
}

const lastMetadataOf = ({ entries }: ViewProps, name: string): string =>
  JSON.stringify(
    pickLast(entries, (record) =>
      record.kind === 'event' && record.event.name === name ? record.event.metadata : undefined,
    ) ?? {},
  )

function parseMetadata(text: string): Metadata | undefined {
  try {
    const value: unknown = JSON.parse(text.trim() || '{}')
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Metadata) : undefined
  } catch {
    return undefined
  }
}
