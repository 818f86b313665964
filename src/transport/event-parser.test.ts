import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createEventParser } from './event-parser.js'

type Parsed = readonly unknown[]

/** What a parser makes of bytes that come in these pieces. */
function parse(pieces: readonly Uint8Array[], maxCharacters = 1_000): Parsed[] {
  const parsed: Parsed[] = []
  const push = createEventParser(maxCharacters, {
    onEvent: (type, data, id) => parsed.push(['event', type, data, id]),
    onRetry: (ms) => parsed.push(['retry', ms]),
    onTooLarge: () => parsed.push(['too large']),
  })
  for (const piece of pieces) push(piece)
  return parsed
}

const bytesOf = (text: string) => new TextEncoder().encode(text)
const parseText = (text: string, maxCharacters?: number) => parse([bytesOf(text)], maxCharacters)

it.each([
  ['a name and data', 'event: a\ndata: 1\n\n', [['event', 'a', '1', undefined]]],
  ['no name', 'data: 1\n\n', [['event', 'message', '1', undefined]]],
  ['several lines of data', 'data: 1\ndata:\ndata:  2\n\n', [['event', 'message', '1\n\n 2', undefined]]],
  ['a name without data', 'event: a\n\n', [['event', 'a', '', undefined]]],
  [
    'an id, which is of this event alone',
    'id: 4\ndata: 1\n\ndata: 2\n\n',
    [
      ['event', 'message', '1', '4'],
      ['event', 'message', '2', undefined],
    ],
  ],
  ['an id with a NUL, which does not count', 'id: 4\0\ndata: 1\n\n', [['event', 'message', '1', undefined]]],
  ['comments', ':\n: hello\n:data: 1\n\n', []],
  ['an order of bytes, and one within', '\ufeffdata: \ufeff1\n\n', [['event', 'message', '\ufeff1', undefined]]],
  ['CRLF', 'data: 1\r\n\r\n', [['event', 'message', '1', undefined]]],
  ['CR', 'data: 1\r\r', [['event', 'message', '1', undefined]]],
  ['fields without a value, and unknown ones', 'data\nfoo: 1\nevents: 2\n\n', [['event', 'message', '', undefined]]],
  ['a pause', 'retry: 3000\nretry: soon\nretry: -1\n\n', [['retry', 3000]]],
  ['no end', 'data: 1\n', []],
  ['a name that is taken back', 'event: a\nevent\ndata: 1\n\n', [['event', 'message', '1', undefined]]],
])('reads %s', (_, text, expected) => expect(parseText(text)).toEqual(expected))

it('an event that is too long is left out whole, and what comes after it is read', () => {
  const after = 'event: b\ndata: 2\n\n'
  const events = [['too large'], ['event', 'b', '2', undefined]]
  expect(parseText(`event: a\ndata: ${'x'.repeat(101)}\n\n${after}`, 100)).toEqual(events)
  expect(parseText(`${`data: ${'x'.repeat(30)}\n`.repeat(9)}\n${after}`, 100)).toEqual(events)
  // The rest of a line that was cut off is no field of its own.
  const pieces = [`data: ${'x'.repeat(200)}`, 'data: 1', '\n', '\n', after]
  expect(parse(pieces.map(bytesOf), 100)).toEqual(events)
  // And its end does not end the event.
  const cut = [`data: ${'x'.repeat(200)}`, '\nevent: c\ndata: 1\n\n', after]
  expect(parse(cut.map(bytesOf), 100)).toEqual(events)
})

const line = fc.oneof(
  fc
    .tuple(fc.constantFrom('data', 'event', 'id', 'retry', '', 'x'), fc.string({ unit: 'grapheme', maxLength: 12 }))
    .map(([name, value]) => `${name}: ${value}`),
  fc.constantFrom('', '', '', ':', 'data', 'data: {"a":"\u00e4\ud83d\ude00"}', 'retry: 10'),
)
const streams = fc
  .array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r')), { maxLength: 30 })
  .map((lines) => lines.map(([text, end]) => text.replaceAll(/[\r\n]/g, '') + end).join(''))

it('however the bytes are cut, the events are the same, and each comes with its last byte at the latest', () => {
  fc.assert(
    fc.property(
      streams,
      fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 60 }),
      fc.boolean(),
      (text, sizes, hasMark) => {
        const bytes = bytesOf((hasMark ? '\ufeff' : '') + text)
        const pieces: Uint8Array[] = []
        let at = 0
        for (const size of sizes) {
          pieces.push(bytes.subarray(at, at + size))
          at += size
        }
        pieces.push(bytes.subarray(at))
        expect(parse(pieces)).toEqual(parse([bytes]))
        const single = [...bytes].map((byte) => Uint8Array.of(byte))
        expect(parse(single)).toEqual(parse([bytes]))
        // A reference: the standard's own words, line by line.
        expect(parse([bytes])).toEqual(reference(text))
      },
    ),
    { numRuns: 500 },
  )
})

it('takes any bytes without a throw', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 }), (pieces) => {
      parse(pieces, 20)
    }),
  )
})

function reference(text: string): Parsed[] {
  const parsed: Parsed[] = []
  let data: string[] = []
  let type = ''
  let id: string | undefined
  const lines = text.split(/\r\n|\r|\n/)
  lines.pop()
  for (const one of lines) {
    const colon = one.indexOf(':')
    const field = colon < 0 ? one : one.slice(0, colon)
    const value = colon < 0 ? '' : one.slice(colon + 1).replace(/^ /, '')
    if (one === '') {
      if (data.length > 0 || type !== '') parsed.push(['event', type || 'message', data.join('\n'), id])
      data = []
      type = ''
      id = undefined
    } else if (field === 'data') data.push(value)
    else if (field === 'event') type = value
    else if (field === 'id' && !value.includes('\0')) id = value
    else if (field === 'retry' && /^[0-9]+$/.test(value)) parsed.push(['retry', Number(value)])
  }
  return parsed
}
