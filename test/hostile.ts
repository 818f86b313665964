import fc from 'fast-check'
import { onTestFailed } from 'vitest'

/** So many on each wire and in each direction. */
export const HOSTILE = 10_000

const seed = Number(process.env['HOSTILE_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

/** Draws them. A failed test says its seed: `HOSTILE_SEED=… npx vitest run FILE` draws the same. */
export function drawHostile<T>(arbitrary: fc.Arbitrary<T>, count = HOSTILE): readonly T[] {
  onTestFailed(() => console.error(`HOSTILE_SEED=${seed}`))
  return fc.sample(arbitrary, { numRuns: count, seed })
}

/** Names of events: the app's, Partyline's, those of objects, and any. */
export const hostileName = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('changed', 'a', 'error', '__proto__', 'constructor', 'toString', ''),
  fc.constantFrom('_line', '_line:auth', '_line:join', '_line:leave', '_line:ping', '_line:pong', '_line:x'),
)

/** Metadata: any JSON, and what the two sides say to each other with a value that they do not expect. */
export const hostileMetadata = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  fc.record(
    {
      ok: fc.jsonValue({ maxDepth: 1 }),
      topic: fc.jsonValue({ maxDepth: 1 }),
      topics: fc.oneof(fc.array(fc.string({ maxLength: 5 })), fc.jsonValue({ maxDepth: 1 })),
      request: fc.jsonValue({ maxDepth: 1 }),
      token: fc.oneof(fc.constantFrom('ann', 'bob'), fc.constant({ $ne: null }), fc.jsonValue({ maxDepth: 1 })),
      message: fc.jsonValue({ maxDepth: 1 }),
      cursor: fc.jsonValue({ maxDepth: 1 }),
      quietForMs: fc.jsonValue({ maxDepth: 0 }),
      replayed: fc.jsonValue({ maxDepth: 0 }),
      gap: fc.jsonValue({ maxDepth: 0 }),
      stream: fc.jsonValue({ maxDepth: 0 }),
      _line: fc.jsonValue({ maxDepth: 2 }),
      __proto__: fc.jsonValue({ maxDepth: 1 }),
    },
    { requiredKeys: [] },
  ),
)

/** Socket.IO's events and answers as it writes them, which end no connection. */
const hostileEvent = fc.oneof(
  { weight: 9, arbitrary: fc.tuple(hostileName, hostileMetadata).map((list) => `42${JSON.stringify(list)}`) },
  { weight: 4, arbitrary: fc.tuple(hostileName, hostileMetadata).map((list) => `427${JSON.stringify(list)}`) },
  { weight: 1, arbitrary: fc.array(hostileMetadata, { maxLength: 2 }).map((list) => `437${JSON.stringify(list)}`) },
  { weight: 1, arbitrary: fc.nat(3_000).map((levels) => `42["changed",${'['.repeat(levels)}${']'.repeat(levels)}]`) },
)
const reservedName = fc.constantFrom('connect', 'disconnect', 'disconnecting', 'connect_error', 'newListener')
const anyPacket: fc.Arbitrary<string | Uint8Array> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        fc.constantFrom('42', '42', '42', '43', '44', '40', '41', '45', '46', '451-', '452-', '461-', '49'),
        fc.constantFrom('', '', '', '/x,', '/_line,', '/', ','),
        fc.constantFrom('', '', '7', '0', '-1', '99999999999999999999'),
        fc.oneof(
          fc.tuple(fc.oneof(hostileName, reservedName), hostileMetadata).map((list) => JSON.stringify(list)),
          fc.tuple(hostileName, fc.nat(2)).map(([name, num]) => JSON.stringify([name, { _placeholder: true, num }])),
          fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.stringify(value)),
          fc.constantFrom('{"message":"no","data":{"final":true}}', '{"sid":"again"}', '{"sid":"x","pid":"y"}', ''),
        ),
      )
      .map((parts) => parts.join('')),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom('1', '2', '3', '5', '6', '7', 'b', 'x'), fc.string()).map((p) => p.join('')),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }) },
)

/** What is sent to the other end of Socket.IO at once: most packets by the hundred, and one at a time what may end a connection. */
export function drawHostilePackets(): readonly (readonly (string | Uint8Array)[])[] {
  const [alone, atOnce] = [HOSTILE / 10, 100]
  const events = drawHostile(hostileEvent, HOSTILE - alone)
  const groups = Array.from({ length: events.length / atOnce }, (_, n) => events.slice(n * atOnce, (n + 1) * atOnce))
  return [...groups, ...drawHostile(anyPacket, alone).map((packet) => [packet])]
}

/** As long as something moves: what came last is named when nothing does. */
export async function untilDone(progress: () => number, isDone: () => boolean, last: () => string): Promise<void> {
  for (let before = -1; !isDone(); before = progress()) {
    for (let tries = 0; !isDone() && progress() === before; tries++) {
      if (tries > 1_000) throw new Error(`nothing more came after ${last()}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
