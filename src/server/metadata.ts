import { PartylineServerError } from './errors.js'

/** Deeper than this no signal is. Ends cycles of getters and proxies, too. */
const DEEPEST = 32
/** Socket.IO's own events, which it refuses to send. */
const SOCKET_IO = ['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener']

/** Throws `bad-event` for a name that can't be sent. */
export function checkEvent(event: unknown): void {
  const fault =
    typeof event !== 'string' || event === ''
      ? 'has to be a string that is not empty'
      : event.startsWith('_line')
        ? "begins with '_line', which is Partyline's own"
        : SOCKET_IO.includes(event)
          ? "is Socket.IO's own"
          : undefined
  if (fault) throw new PartylineServerError('bad-event', `the event name '${String(event)}' ${fault}`)
}

/** Throws `bad-metadata` for what JSON would refuse, drop or change on the way. Fields that are undefined are just left out. */
export function checkMetadata(event: string, metadata: unknown): asserts metadata is Record<string, unknown> {
  const bad = (path: string, why: string): never => {
    throw new PartylineServerError('bad-metadata', `${path} of '${event}' ${why}`)
  }
  const check = (value: unknown, path: string, inside: readonly object[]): void => {
    if (value === undefined || value === null || typeof value === 'string' || typeof value === 'boolean') return
    if (typeof value === 'number') {
      if (!Number.isFinite(value)) bad(path, `is ${value}, which JSON turns into null`)
      return
    }
    if (typeof value === 'bigint') bad(path, 'is a BigInt: send String(it)')
    if (typeof value !== 'object') return void bad(path, `is a ${typeof value}, which JSON can't carry`)
    if (inside.includes(value)) bad(path, 'contains itself')
    if (inside.length > DEEPEST) bad(path, `is nested more than ${DEEPEST} levels deep`)
    const within = [...inside, value]
    if (Array.isArray(value)) {
      for (let index = 0; index < value.length; index++) {
        if (value[index] === undefined) bad(`${path}[${index}]`, 'is undefined, which JSON turns into null')
        check(value[index], `${path}[${index}]`, within)
      }
      return
    }
    if (value instanceof Date) bad(path, 'is a Date, which arrives as a string: send date.toISOString()')
    if (!isPlain(value)) bad(path, `is ${nameOf(value)}: send its id, or a plain object`)
    for (const [field, inner] of Object.entries(value)) check(inner, `${path}.${field}`, within)
  }

  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata))
    return bad('the metadata', 'has to be a plain object')
  if (Object.hasOwn(metadata, '_line')) bad('the metadata', "has a field '_line', which is Partyline's own")
  check(metadata, 'metadata', [])
}

/** How large metadata is on the wire, in bytes. */
export const bytesOf = (metadata: object): number => new TextEncoder().encode(JSON.stringify(metadata)).length

/** An object literal, of whatever realm: test runners have several. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

const nameOf = (value: object): string => {
  const name = (value as { constructor?: { name?: unknown } }).constructor?.name
  return typeof name === 'string' && name !== 'Object' && name !== '' ? `a ${name}` : 'no plain object'
}
