import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { setUpHub } from '../../test/fake-hub.js'
import { createFakeTransport } from '../../test/fake-transport.js'
import { readEvents } from '../wire/messages.js'
import type { SendAnswer } from '../wire/protocol.js'
import { SEND_LIMITS } from './sends.js'

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

const pass = (ms = 0) => vi.advanceTimersByTimeAsync(ms)

async function setUp(lacks: Parameters<typeof createFakeTransport>[0] = []) {
  const given = setUpHub({ transport: createFakeTransport(lacks) })
  const tab = await given.attach(['a'])
  given.server.up()
  /** What became of it: its answer, or 'open'. */
  const send = (event: string, data?: unknown, timeoutMs: number | null = 1_000, from = tab.id) => {
    const sent: { answer: SendAnswer | 'open' } = { answer: 'open' }
    const text = data === undefined ? undefined : JSON.stringify(data)
    void Promise.resolve(given.hub.send(from, event, text, timeoutMs ?? undefined)).then((answer) => {
      sent.answer = answer
    })
    return sent
  }
  return { ...given, tab, send, far: () => given.transport.last }
}
const codeOf = ({ answer }: { answer: SendAnswer | 'open' }) =>
  answer === 'open' ? 'open' : answer.ok ? 'ok' : answer.code

describe('what a tab sends', () => {
  it('goes to the server with the name of its tab, and has the server’s answer', async () => {
    const { send, far, tab } = await setUp()
    const sent = [send('say', { text: 'hi' }), send('say'), send('say', ['list']), send('say', 7)]
    expect(far().asked.map(({ event, data }) => [event, data])).toEqual([
      ['say', { text: 'hi', _line: { tab: tab.id } }],
      ['say', { _line: { tab: tab.id } }],
      ['say', ['list']],
      ['say', 7],
    ])
    for (const [index, { answer }] of far().asked.entries()) answer({ index })
    await pass()
    expect(sent.map(({ answer }) => answer)).toEqual([0, 1, 2, 3].map((index) => ({ ok: true, data: { index } })))
  })

  it('is rejected by whatever says ok: false, and by nothing else', async () => {
    const { send, far } = await setUp()
    const no = send('say')
    const yes = [{ ok: 0 }, { ok: true }, null, 'no', [{ ok: false }]].map((answer) => ({ answer, sent: send('say') }))
    far().asked[0]?.answer({ ok: false, code: 'full', message: 'The room is full' })
    yes.forEach(({ answer }, index) => void far().asked[index + 1]?.answer(answer))
    await pass()
    const answer = { ok: false, code: 'full', message: 'The room is full' }
    expect(no.answer).toEqual({ ok: false, code: 'rejected', message: 'The room is full', answer })
    expect(yes.map(({ sent }) => sent.answer)).toEqual(yes.map((one) => ({ ok: true, data: one.answer })))
  })

  it('is not sent without a connection, and nothing of it is kept for the next one', async () => {
    const { send, far, server } = await setUp()
    server.down()
    const sent = send('say')
    const typing = send('typing', {}, null)
    await pass()
    server.up()
    await pass(5_000)
    expect([codeOf(sent), codeOf(typing), far().asked, far().told]).toEqual(['not-connected', 'not-connected', [], []])
  })

  it('settles once: when the connection is lost, after its time, and not by what comes later', async () => {
    const { send, far, server } = await setUp()
    const late = send('say', {}, 500)
    await pass(499)
    expect(codeOf(late)).toBe('open')
    await pass(1)
    const lost = send('say')
    server.down()
    await pass()
    for (const { answer } of far().asked) answer({})
    server.up()
    await pass(5_000)
    expect([codeOf(late), codeOf(lost), far().asked.length]).toEqual(['timed-out', 'connection-lost', 2])
  })

  it('settles when the transport can’t tell', async () => {
    const { send, far } = await setUp()
    const sent = send('say')
    far().asked[0]?.fail(new Error('the request failed'))
    await pass()
    expect(sent.answer).toEqual({ ok: false, code: 'connection-lost', message: 'the request failed' })
  })

  it('waits for the server to say whose the connection is, and never leaves over somebody else’s', async () => {
    const { send, far, server } = await setUp()
    server.down()
    server.up(false, 'silent')
    const first = send('say')
    const typing = send('typing', {}, null)
    await pass(100)
    server.emit('_line', { identity: 'bob' })
    await pass(5_000)
    expect([codeOf(first), codeOf(typing), far().asked, far().told]).toEqual(['not-connected', 'ok', [], []])
    server.up(false, 'silent')
    send('say')
    expect(far().asked).toEqual([])
    server.emit('_line', { identity: 'u1' })
    expect(far().asked.length).toBe(1)
  })

  it('takes nothing else for that word: a gap, or a frame that can’t be read', async () => {
    for (const happen of ['gap', 'bad frame']) {
      const { send, far, server } = await setUp()
      server.down()
      server.up(false, 'silent')
      const sent = send('say')
      if (happen === 'gap') server.emit('_line', { gap: true })
      else far().handlers.onBadFrame('is no JSON')
      await pass(100)
      server.emit('_line', { identity: 'bob' })
      await pass(5_000)
      expect([codeOf(sent), far().asked]).toEqual(['not-connected', []])
      server.up(false, 'silent')
      const later = send('say', undefined, 10_000)
      if (happen === 'gap') server.emit('_line', { gap: true })
      else far().handlers.onBadFrame('is no JSON')
      await pass(2_100)
      expect([codeOf(later), far().asked.length]).toEqual(['open', 1])
    }
  })

  it('does not wait long for a server that says nothing of that', async () => {
    const { send, far, server } = await setUp()
    server.down()
    server.up(false, 'silent')
    send('say')
    await pass(600)
    expect(far().asked.length).toBe(1)
  })

  it('without an acknowledgement is told, and dropped where the transport can’t tell', async () => {
    const { send, far, tab } = await setUp()
    const typing = send('typing', { room: 1 }, null)
    await pass()
    expect([codeOf(typing), far().told]).toEqual(['ok', [['typing', { room: 1, _line: { tab: tab.id } }]]])
    const deaf = await setUp(['ask', 'tell'])
    const sent = [deaf.send('say'), deaf.send('typing', {}, null)]
    await pass()
    expect(sent.map(codeOf)).toEqual(['unsupported', 'unsupported'])
    const half = await setUp(['ask'])
    const told = [half.send('say'), half.send('typing', {}, null)]
    await pass()
    expect(told.map(codeOf)).toEqual(['unsupported', 'ok'])
  })

  it.each(['', '_line', '_line:auth', 'connect', 'disconnect', 'newListener'])(
    'has a name that is the app’s: not %j',
    async (event) => {
      const { send, far } = await setUp()
      const sent = send(event)
      await pass()
      expect([codeOf(sent), far().asked]).toEqual(['bad-send', []])
    },
  )

  it('whatever crosses to the hub, it answers', async () => {
    const { hub, tab } = await setUp()
    const send = hub.send as (...given: unknown[]) => unknown
    for (const given of [[7], ['say', '{'], ['say', {}, 5], [undefined, undefined], ['say', '{}', Number.NaN]])
      expect(() => send(tab.id, ...given)).not.toThrow()
    expect(send('nobody', 'say', '{}', 100)).toMatchObject({ code: 'not-connected' })
  })

  it('is limited, for a tab and for all', async () => {
    const { send, far, attach } = await setUp()
    const flood = Array.from({ length: SEND_LIMITS.tab + 5 }, () => send('say'))
    const typing = send('typing', {}, null)
    await pass()
    expect(flood.filter((sent) => codeOf(sent) === 'too-many').length).toBe(5)
    expect(codeOf(typing)).toBe('too-many')
    const other = await attach(['a'])
    expect(codeOf(send('say', {}, 1_000, other.id))).toBe('open')
    await pass(1_000)
    expect(codeOf(send('say'))).toBe('open')

    for (let tab = 0; far().asked.length < SEND_LIMITS.hub + SEND_LIMITS.tab && tab < 20; tab++) {
      const { id } = await attach(['a'])
      for (let n = 0; n < SEND_LIMITS.tab; n++) send('say', {}, 60_000, id)
      await pass(1_000)
    }
    const { id } = await attach(['a'])
    const full = send('say', {}, 60_000, id)
    await pass()
    expect(codeOf(full)).toBe('too-many')
  })

  it('of a tab that has left is forgotten, and nothing is posted to its page', async () => {
    const { send, far, tab, attach } = await setUp()
    await attach(['a'])
    const sent = send('say')
    tab.detach('parked')
    far().asked[0]?.answer({})
    await pass(5_000)
    expect(codeOf(sent)).toBe('open')
  })
})

describe('an event for one tab', () => {
  it('goes to that tab alone, at once, in a burst, and when it is sent again', async () => {
    const { server, tab, attach, hub } = await setUp()
    const other = await attach(['a'])
    server.emit('a', { n: 1, _line: { tab: tab.id } })
    server.emit('a', { n: 2 })
    server.emit('a', { n: 3, _line: { tab: other.id } })
    server.emit('a', { n: 4, _line: { tab: 'nobody' } })
    await pass(100)
    const heard = ({ batches }: typeof tab) =>
      batches().flatMap((batch) => batch.map(([, metadata]) => metadata?.['n']))
    expect([heard(tab), heard(other)]).toEqual([
      [1, 2],
      [2, 3],
    ])
    const again = await attach(['a'], { since: { epoch: hub.epoch, seq: 1, ageMs: 0 } })
    expect((again.welcome.replay ?? []).map(([, metadata]) => metadata?.['n'])).toEqual([2])
  })

  it('is not posted to all who listen to the multicast', async () => {
    const { server, attach } = await setUp()
    const followers = [await attach(['a'], { trusted: false }), await attach(['a'], { trusted: false })]
    for (const follower of followers) follower.joinMulticast()
    server.emit('a', { n: 1, _line: { tab: followers[0]?.id } })
    await pass(100)
    expect(followers.map(({ batches }) => batches().length)).toEqual([1, 0])
    expect(readEvents(JSON.stringify(followers[0]?.batches()[0]))).toEqual([['a', { n: 1 }, { tab: followers[0]?.id }]])
  })
})
