import { RESERVED } from '../wire/protocol.js'
import { PartylineServerError } from './errors.js'

/** How deep metadata may be nested. The limit also ends cycles of getters and proxies. */
const MAX_NESTING = 32
/** Socket.IO reserves these events: neither side may send them. */
export const SOCKET_IO_EVENTS: readonly string[] = [
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
]

/** Throws `bad-event` for a name that can't be sent. */
export function checkEvent(event: unknown): void {
  const fault =
    typeof event !== 'string' || event === ''
      ? 'has to be a non-empty string'
      : event.startsWith(RESERVED)
        ? `begins with '${RESERVED}', which Partyline reserves`
        : SOCKET_IO_EVENTS.includes(event)
          ? 'is reserved by Socket.IO'
          : undefined
  if (fault) throw new PartylineServerError('bad-event', `the event name '${String(event)}' ${fault}`)
}

/** Throws `bad-metadata` for a value that JSON would refuse, drop or change. Fields that are undefined are left out. */
export function checkMetadata(event: string, metadata: unknown): asserts metadata is Record<string, unknown> {
  const bad = (path: string, why: string): never => {
    throw new PartylineServerError('bad-metadata', `${path} of '${event}' ${why}`)
  }
  const check = (value: unknown, path: string, ancestors: readonly object[]): void => {
    if (value === undefined || value === null || typeof value === 'string' || typeof value === 'boolean') return
    if (typeof value === 'number') {
      if (!Number.isFinite(value)) bad(path, `is ${value}, which JSON turns into null`)
      return
    }
    if (typeof value === 'bigint') bad(path, 'is a BigInt: send String(it)')
    if (typeof value !== 'object') return void bad(path, `is a ${typeof value}, which JSON can't carry`)
    if (ancestors.includes(value)) bad(path, 'contains itself')
    if (ancestors.length > MAX_NESTING) bad(path, `is nested more than ${MAX_NESTING} levels deep`)
    const parents = [...ancestors, value]
    if (Array.isArray(value)) {
      for (let index = 0; index < value.length; index++) {
        if (value[index] === undefined) bad(`${path}[${index}]`, 'is undefined, which JSON turns into null')
        check(value[index], `${path}[${index}]`, parents)
      }
      return
    }
    if (value instanceof Date) bad(path, 'is a Date, which arrives as a string: send date.toISOString()')
    if (!isObjectLiteral(value)) bad(path, `is ${typeNameOf(value)}: send its id, or a plain object`)
    for (const [field, inner] of Object.entries(value)) check(inner, `${path}.${field}`, parents)
  }

  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata))
    return bad('the metadata', 'has to be a plain object')
  if (Object.hasOwn(metadata, RESERVED)) bad('the metadata', `has a field '${RESERVED}', which Partyline reserves`)
  check(metadata, 'metadata', [])
}

/** The size of metadata on the wire, in bytes. */
export const bytesOf = (metadata: object): number => new TextEncoder().encode(JSON.stringify(metadata)).length

/** Whether it is an object literal, of any realm: test runners have several. */
function isObjectLiteral(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

const typeNameOf = (value: object): string => {
  const name = (value as { constructor?: { name?: unknown } }).constructor?.name
  return typeof name === 'string' && name !== 'Object' && name !== '' ? `a ${name}` : 'not a plain object'
}
