import { type EnvelopeOption, isMetadata, type Metadata, RESERVED } from '../wire/protocol.js'
import { metadataOf } from './metadata.js'

/** What a WebSocket frame or an SSE event without a name is called. */
export const UNNAMED = 'message'

export type EnvelopeReader = ReturnType<typeof createEnvelopeReader>

/** Reads events that come inside of another one. The path of a field is split once, not for each event of a burst. */
export function createEnvelopeReader({ on, event, metadata }: Required<EnvelopeOption>) {
  const path = event.split('.')
  const holder = path.slice(0, -1)
  const nameField = path[path.length - 1] as string
  const metadataPath = metadata?.split('.')

  /** Undefined where there is none. Names that begin with `_line` are the server's own words: a payload that it relays has none. */
  function nameIn(value: unknown): string | undefined {
    const found = valueAtPath(value, path)
    const name = typeof found === 'number' ? String(found) : found
    return typeof name === 'string' && name !== '' && !name.startsWith(RESERVED) ? name : undefined
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
      if (name === undefined) return false
      const {
        [RESERVED]: own,
        [metadataPath ? RESERVED : nameField]: _name,
        ...inner
      } = metadataOf(valueAtPath(outer, metadataPath ?? holder))
      take(name, inner, isMetadata(own) ? { ...Object(reserved), ...own } : reserved)
      return true
    },
  }
}

/** Only fields of the value's own count. */
const valueAtPath = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (found, field) =>
      typeof found === 'object' && found !== null && Object.hasOwn(found, field)
        ? (found as Record<string, unknown>)[field]
        : undefined,
    value,
  )
