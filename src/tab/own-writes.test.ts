import { expect, it } from 'vitest'
import { simulatedSha256 } from '../testing/sha256.js'
import { ORIGIN_HEADER } from '../wire/protocol.js'
import { createOwnWrites } from './own-writes.js'

/** What the server makes of a request's secret. */
const hashed = (secret: string) => simulatedSha256(secret).slice(0, 22)

function setUp(sha256: ((text: string) => Promise<string>) | undefined = async (text) => simulatedSha256(text)) {
  let monotonic = 0
  let secrets = 0
  let timers: (() => void)[] = []
  const writes = createOwnWrites({
    newSecret: () => `secret-${++secrets}`,
    sha256,
    monotonic: () => monotonic,
    after: (_ms, run) => timers.push(run),
  })
  return {
    ...writes,
    /** One turn of the page's thread: each timer that was set before runs once, however late. */
    turn() {
      const due = timers
      timers = []
      for (const run of due) run()
    },
    pass: (ms: number) => {
      monotonic += ms
    },
    request: () => writes.run(async (headers) => headers[ORIGIN_HEADER]),
  }
}

it('knows the events of its request by the hash of the secret, and never by the secret', async () => {
  const { request, logicalClock } = setUp()
  const secret = (await request()) as string
  expect(logicalClock.answeredAt(secret)).toBeUndefined()
  expect(logicalClock.answeredAt(hashed(secret))).toMatchObject({ timestamp: 1 })
})

it('takes nobody else’s change for its own: who got an event has its hash, and can only send that', async () => {
  const { request, logicalClock } = setUp()
  const seen = hashed((await request()) as string)
  // Another member sends what the event carries as the header of their own request; the server hashes it.
  expect(logicalClock.answeredAt(hashed(seen))).toBeUndefined()
})

it('has a fresh secret for each request', async () => {
  const { request } = setUp()
  expect(new Set([await request(), await request(), await request()]).size).toBe(3)
})

it.each([
  ['is missing', undefined],
  ['rejects', () => Promise.reject(new Error('not allowed'))],
])('where the hash %s, requests are sent, and their events count as anybody’s', async (what, sha256) => {
  const writes = createOwnWrites({ newSecret: () => 'secret', sha256, monotonic: () => 0, after: () => undefined })
  const sent = await writes.run(async (headers) => headers)
  await Promise.resolve()
  expect(sent).toEqual(what === 'rejects' ? { [ORIGIN_HEADER]: 'secret' } : {})
  expect(writes.logicalClock.answeredAt(hashed('secret'))).toBeUndefined()
})

it('forgets an answer after a minute', async () => {
  const { request, logicalClock, pass } = setUp()
  const hash = hashed((await request()) as string)
  pass(60_001)
  expect(logicalClock.answeredAt(hash)).toBeUndefined()
})

it('takes what the app sets for the answer as long as the thread has had no time, however many milliseconds that is', async () => {
  const { request, logicalClock, pass, turn } = setUp()
  const hash = hashed((await request()) as string)
  const isAnswer = () => logicalClock.next() <= (logicalClock.answeredAt(hash)?.until ?? 0)
  // A busy thread has not come to read the body of the answer.
  for (const _ of [1, 2, 3]) {
    pass(200)
    turn()
    expect(isAnswer()).toBe(true)
  }
  turn()
  expect(isAnswer()).toBe(false)
})

it('knows an event for its own when the secret is hashed after the event came, and after the answer', async () => {
  const hashes: (() => void)[] = []
  const { logicalClock, run } = setUp(
    (text) => new Promise((resolve) => hashes.push(() => resolve(simulatedSha256(text)))),
  )
  let secret = ''
  let answer = () => undefined as unknown
  const done = run(async (headers) => {
    secret = headers[ORIGIN_HEADER] ?? ''
    await new Promise((resolve) => {
      answer = () => resolve(undefined)
    })
  })
  await Promise.resolve()
  expect(logicalClock.isUnderWay(hashed(secret))).toBe(true)
  answer()
  await done
  expect(logicalClock.isUnderWay(hashed(secret))).toBe(true)
  for (const resolve of hashes) resolve()
  await new Promise((resolve) => setTimeout(resolve))
  expect(logicalClock.isUnderWay(hashed(secret))).toBe(false)
  expect(logicalClock.answeredAt(hashed(secret))).toMatchObject({ timestamp: 1 })
})
