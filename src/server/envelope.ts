import { PartylineServerError } from './errors.js'
import type { NotifyOptions } from './events.js'
import { isOrigin } from './origin.js'

/**
 * The envelope of an event: its metadata's reserved field, which a client's hub reads and removes. Undefined if there is
 * nothing to say. Throws `bad-option`.
 */
export function envelopeOf(options: NotifyOptions): object | undefined {
  const { id, origin, spreadMs, againMs, trace, tab } = options
  const bad = (option: string, why: string): never => {
    throw new PartylineServerError('bad-option', `${option} ${why}`)
  }
  if ('spread' in options) bad('spread', 'is now called spreadMs')
  if (id !== undefined && !isCursor(id)) bad('id', 'has to be a finite number, or a string of 1 to 100 characters')
  if (spreadMs !== undefined && !(Number.isFinite(spreadMs) && spreadMs >= 0)) bad('spreadMs', 'has to be milliseconds')
  if (againMs !== undefined && !(Number.isFinite(againMs) && againMs >= 0)) bad('againMs', 'has to be milliseconds')
  if (origin !== undefined && !isOrigin(origin)) bad('origin', 'has to be what originOf(request) returned')
  if (trace !== undefined && !isShortText(trace)) bad('trace', 'has to be a string of 1 to 100 characters')
  if (tab !== undefined && !isShortText(tab)) bad('tab', 'has to be the `_line.tab` of what a tab has sent')
  const envelope = {
    ...(id !== undefined && { id }),
    ...(origin !== undefined && { origin }),
    ...(spreadMs && { spreadMs }),
    ...(againMs && { againMs }),
    ...(trace && { trace }),
    ...(tab && { tab }),
  }
  return Object.keys(envelope).length > 0 ? envelope : undefined
}

const isShortText = (value: unknown): boolean => typeof value === 'string' && value !== '' && value.length <= 100

/** Whether a value can be an event's number in a log. A client may send anything as its cursor. */
export const isCursor = (value: unknown): value is string | number =>
  typeof value === 'number' ? Number.isFinite(value) : typeof value === 'string' && value !== '' && value.length <= 100
