import { PartylineServerError } from './errors.js'
import type { NotifyOptions } from './events.js'
import { isOrigin } from './origin.js'

/** The reserved field `_line` of an event's metadata, as a client's hub reads and strips it; absent if there is nothing to say. */
export function envelopeOf({ id, origin, spread }: NotifyOptions): object | undefined {
  const bad = (option: string, why: string): never => {
    throw new PartylineServerError('bad-option', `${option} ${why}`)
  }
  if (id !== undefined && !isCursor(id)) bad('id', 'has to be a finite number, or a string of 1 to 100 characters')
  if (spread !== undefined && !(Number.isFinite(spread) && spread >= 0)) bad('spread', 'has to be milliseconds')
  if (origin !== undefined && !isOrigin(origin)) bad('origin', 'has to be what originOf(request) gave')
  const mark = {
    ...(id !== undefined && { id }),
    ...(origin !== undefined && { origin }),
    ...(spread && { spread }),
  }
  return Object.keys(mark).length > 0 ? mark : undefined
}

/** Whether this can be an event's number in a log; what a client sends as one is anything at first. */
export const isCursor = (value: unknown): value is string | number =>
  typeof value === 'number' ? Number.isFinite(value) : typeof value === 'string' && value !== '' && value.length <= 100
