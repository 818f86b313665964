import { type EnvelopeOption, isMetadata, type Metadata, RESERVED } from '../wire/protocol.js'
import { metadataOf } from './metadata.js'

/** What a WebSocket frame or an SSE event without a name is called. */
export const UNNAMED = 'message'

export type EnvelopeReader = ReturnType<typeof createEnvelopeReader>

/** Reads events that come inside of another one. The path of a field is split once, not for each event of a burst. */
export function createEnvelopeReader({ on, event, metadata }: Required<EnvelopeOption>) {
  const holderPath = event.split('.')
  const nameField = holderPath.pop() as string
  const metadataPath = metadata?.split('.')

  /** Undefined where there is none. Names that begin with `_line` are the server's own words: a payload that it relays has none. */
  function nameIn(value: unknown): string | undefined {
    const found = fieldOf(valueAtPath(value, holderPath), nameField)
    const name = typeof found === 'number' ? String(found) : found
    return typeof name === 'string' && name !== '' && !name.startsWith(RESERVED) ? name : undefined
  }

  function metadataIn(outer: Metadata): Metadata {
    if (metadataPath) return metadataOf(valueAtPath(outer, metadataPath))
    const holder = valueAtPath(outer, holderPath)
    if (!isMetadata(holder)) return metadataOf(holder)
    const { [nameField]: _name, ...beside } = holder
    return beside
  }

  return {
    on,
    fault: `names no event at '${event}', where the envelope '${on}' should`,
    nameIn,
    /** Hands on the event inside. False when there is none. `reserved`: of the envelope; the event may have such a field as well. */
    open(
      outer: Metadata | null,
      reserved: unknown,
      take: (name: string, metadata: Metadata, reserved: unknown) => void,
    ): boolean {
      const name = nameIn(outer)
      if (outer === null || name === undefined) return false
      const inner = metadataIn(outer)
      if (RESERVED in inner) {
        const { [RESERVED]: own, ...rest } = inner
        take(name, rest, isMetadata(reserved) && isMetadata(own) ? { ...reserved, ...own } : (own ?? reserved))
      } else take(name, inner, reserved)
      return true
    },
  }
}

const fieldOf = (value: unknown, field: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, field)
    ? (value as Record<string, unknown>)[field]
    : undefined

function valueAtPath(value: unknown, path: readonly string[]): unknown {
  let found = value
  for (const field of path) found = fieldOf(found, field)
  return found
}
