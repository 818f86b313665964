/** A message of the plain WebSocket wire, either way. See docs/websocket.md. */
export interface Frame {
  readonly event: string
  /** Whatever was sent, unchecked. */
  readonly metadata?: unknown
}

/** Why a frame can't be read; of a kind, so that a flood of them can be counted and told as one. */
export type BadFrame = 'is not text' | 'is too large' | 'is no JSON' | 'has no event' | 'is nested too deep'

/** Reads what came in over the wire. `limit`: the most characters that are looked at. */
export function readFrame(data: unknown, limit: number): Frame | BadFrame {
  if (typeof data !== 'string') return 'is not text'
  if (data.length > limit) return 'is too large'
  let value: unknown
  try {
    value = JSON.parse(data)
  } catch {
    return 'is no JSON'
  }
  const { event, metadata } = (value ?? {}) as Partial<Frame>
  if (typeof event !== 'string' || event === '') return 'has no event'
  if (!isPlain(metadata)) return 'is nested too deep'
  return metadata === undefined || metadata === null ? { event } : { event, metadata }
}

export const writeFrame = (frame: Frame): string => JSON.stringify(frame)

/** Deeper than this, metadata is made to overflow somebody's stack. */
const DEEPEST = 64

/** Whether JSON can carry it (Socket.IO can bring bytes, too), and it is not too deep. */
export function isPlain(value: unknown, levels = DEEPEST): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (levels === 0 || !(Array.isArray(value) || isBare(value))) return false
  // A burst comes by here: no list of the values, no closure.
  for (const field in value) {
    if (Object.hasOwn(value, field) && !isPlain((value as Record<string, unknown>)[field], levels - 1)) return false
  }
  return true
}

/** Made by `{}`, here or in another realm: test runners have several. */
function isBare(value: object): boolean {
  const prototype: object | null = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
