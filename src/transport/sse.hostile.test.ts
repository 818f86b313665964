import fc from 'fast-check'
import { expect, it } from 'vitest'
import { drawHostile, HOSTILE, hostileMetadata, hostileName, untilDone } from '../../test/hostile.js'
import { afterwards, until } from '../../test/real-server.js'
import { connectTransport } from '../../test/real-sockets.js'
import { openSse, serveSse } from '../../test/real-sse.js'

// A server that sends what no server sends, over a real stream.

const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.string({ maxLength: 40 }))
const json = hostileMetadata.map((value) => JSON.stringify(value))
const frame = fc
  .record({ event: hostileName, metadata: hostileMetadata }, { requiredKeys: [] })
  .map((value) => JSON.stringify(value))
const field = fc.oneof(
  fc.tuple(fc.constantFrom('data: ', 'data:', 'data'), fc.oneof(json, frame, text)),
  fc.tuple(fc.constantFrom('event: ', 'event:'), fc.oneof(hostileName, text)),
  fc.tuple(
    fc.constantFrom('id: ', 'retry: ', ': ', '', 'x: '),
    fc.oneof(text, fc.constantFrom('5', '1e999', '-1', '9'.repeat(400))),
  ),
)
/** An event or what stands in its place; lines end in all three ways, or not at all. */
const block: fc.Arbitrary<string | Uint8Array> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.array(field, { maxLength: 5 }), fc.constantFrom('\n', '\r\n', '\r'))
      .map(([fields, end]) => fields.map((parts) => parts.join('') + end).join('') + end),
  },
  { weight: 2, arbitrary: fc.tuple(hostileName, json).map(([event, data]) => `event: ${event}\ndata: ${data}\n\n`) },
  { weight: 1, arbitrary: text },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }) },
  {
    weight: 1,
    arbitrary: fc.nat(3_000).map((levels) => `event: a\ndata: ${'['.repeat(levels)}${']'.repeat(levels)}\n\n`),
  },
  { weight: 1, arbitrary: fc.nat(3_000).map((length) => `data: ${'x'.repeat(length)}`) },
)

it(`survives ${HOSTILE} hostile events of a stream: after each an event is delivered, or the stream is lost and made again`, async () => {
  const blocks = drawHostile(block)
  const server = await serveSse(0, () => undefined)
  afterwards(server.close)
  const near = connectTransport(openSse(), server.port, undefined, { limit: 2_000 })
  afterwards(near.transport.close)
  let sent = 0
  let reported = 0
  let heard = 0
  const marks = () =>
    near.events.filter(([name, metadata]) => name === 'mark' && (metadata as { n: number }).n === sent).length
  const step = setInterval(() => {
    // The first report of an end is answered as a hub does.
    for (const report of near.reports.slice(reported)) {
      reported++
      if (report.startsWith('bad frame') || report.startsWith('retry after')) continue
      if (report === 'up') sendNext()
      else near.transport.connect()
    }
    if (marks() > heard && sent <= blocks.length) sendNext()
  }, 0)
  afterwards(() => clearInterval(step))
  function sendNext(): void {
    near.events.length = 0
    heard = 0
    const next = blocks[sent++]
    if (next !== undefined) server.raw(next)
    // Whatever stands before it ends first.
    server.raw(`\n\n\nevent: mark\ndata: {"n":${sent}}\n\n`)
  }
  await untilDone(
    () => sent + near.reports.length,
    () => sent > blocks.length && marks() > 0,
    () => JSON.stringify(String(blocks[sent - 1])),
  )
  const of = (kind: string) => near.reports.filter((report) => report.startsWith(kind)).length
  expect(of('bad frame')).toBeGreaterThan(HOSTILE / 20)
  expect(of('up')).toBeGreaterThan(1)
  server.emit('good', { n: 1 })
  await until(() => expect(near.events.at(-1)).toEqual(['good', { n: 1 }]))
}, 300_000)
