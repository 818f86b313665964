import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Decision, decide, errorOf, refuse, renewalAnswerOf, type ServerSession, UNAVAILABLE } from './decision.js'
import type { PartylineServerError } from './errors.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** What is decided about what `authenticate` gives, with the codes that `onError` got. */
async function decideOn(
  authenticate: () => unknown,
  { claimed, identityOf = ({ userId }) => String(userId) }: Partial<Parameters<typeof decide<ServerSession>>[0]> = {},
): Promise<[Decision<ServerSession>, string[]]> {
  const codes: string[] = []
  const onError = ({ code }: PartylineServerError) => void codes.push(code)
  const deciding = decide({ authenticate: authenticate as never, timeoutMs: 10_000, identityOf, claimed, onError })
  // With the one more turn that an answer gets which waits behind the timer.
  await vi.advanceTimersByTimeAsync(10_010)
  return [await deciding, codes]
}

describe('what authenticate can’t tell is no refusal', () => {
  it.each<[string, () => unknown]>([
    [
      'it throws',
      () => {
        throw new Error('no database')
      },
    ],
    ['it rejects', async () => Promise.reject(new Error('no database'))],
    ['it hangs', () => new Promise(() => undefined)],
    ['it gives what is no session', () => ({})],
  ])('%s', async (_what, authenticate) => {
    const [decision, codes] = await decideOn(authenticate)
    expect(decision).toBe(UNAVAILABLE)
    expect(codes).toHaveLength(1)
    expect(errorOf(UNAVAILABLE)).toMatchObject({ data: { code: 'unavailable' } })
    expect(renewalAnswerOf(UNAVAILABLE)).toMatchObject({ ok: false, code: 'unavailable' })
  })

  it('an answer that comes too late is dropped, and one that comes in time leaves no timer', async () => {
    const late = decideOn(() => new Promise((resolve) => setTimeout(resolve, 10_100, { userId: 'ann' })))
    expect((await late)[0]).toBe(UNAVAILABLE)
    vi.clearAllTimers()
    const inTime = decideOn(() => new Promise((resolve) => setTimeout(resolve, 9_999, { userId: 'ann' })))
    expect((await inTime)[0]).toMatchObject({ name: 'admitted', identity: 'ann' })
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('refusals', () => {
  it('say that they are final only if the app says so', async () => {
    const [first] = await decideOn(() => refuse('the account is closed', { final: true }))
    expect(first).toEqual({ name: 'refused', reason: 'the account is closed', final: true })
    if (first.name === 'admitted') throw new Error('it was let in')
    expect(errorOf(first)).toMatchObject({ message: 'the account is closed', data: { final: true } })
    expect(renewalAnswerOf(first)).toEqual({ ok: false, message: 'the account is closed', final: true })
    for (const result of ['not yet', refuse('not yet'), { refuse: 'not yet', final: 'yes' }]) {
      const [decision] = await decideOn(() => result)
      expect(decision).toEqual({ name: 'refused', reason: 'not yet', final: false })
      if (decision.name !== 'admitted') expect(errorOf(decision)).not.toHaveProperty('data')
    }
  })
})

describe('whose credentials they are', () => {
  const session = { userId: 7, tenant: 't' }
  const ofTenant = (one: ServerSession) => `${(one as typeof session).tenant}/${one.userId}`

  it('is compared with the identity that the client was mounted for', async () => {
    expect((await decideOn(() => session, { claimed: '7' }))[0]).toMatchObject({ name: 'admitted', identity: '7' })
    const [decision, codes] = await decideOn(() => session, { claimed: '8' })
    expect(decision.name).toBe('wrong-identity')
    expect(codes).toEqual([])
    if (decision.name !== 'admitted') expect(errorOf(decision)).toMatchObject({ data: { code: 'wrong-identity' } })
  })

  it('lets older clients in, which do not say', async () => {
    expect((await decideOn(() => session))[0]).toMatchObject({ name: 'admitted', identity: '7' })
  })

  it('is what the app says it is', async () => {
    const identityOf = ofTenant
    expect((await decideOn(() => session, { identityOf, claimed: 't/7' }))[0].name).toBe('admitted')
    expect((await decideOn(() => session, { identityOf, claimed: '7' }))[0].name).toBe('wrong-identity')
  })

  it.each<[string, (session: ServerSession) => string]>([
    ['no string', () => 7 as never],
    [
      'an error',
      () => {
        throw new Error('no tenant')
      },
    ],
  ])('can’t be told when the app gives %s', async (_what, identityOf) => {
    const [decision, codes] = await decideOn(() => session, { identityOf })
    expect([decision, codes]).toEqual([UNAVAILABLE, ['authentication-failed']])
  })
})

it('is a decision, whatever authenticate gives or throws', async () => {
  const whatever = fc.oneof(
    fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true, withSparseArray: true }),
    fc.record({ userId: fc.anything(), expiresAt: fc.anything() }, { requiredKeys: [] }),
    fc.record({ refuse: fc.anything(), final: fc.anything() }, { requiredKeys: ['refuse'] }),
  )
  const property = fc.asyncProperty(whatever, fc.boolean(), async (value, throws) => {
    const [decision, codes] = await decideOn(() => {
      if (throws) throw value
      return value
    })
    expect(codes).toHaveLength(decision.name === 'unavailable' ? 1 : 0)
    if (throws) expect(decision).toBe(UNAVAILABLE)
    if (decision.name === 'admitted') expect(decision.session).toBe(value)
    else expect(errorOf(decision).message).not.toBe('')
  })
  await fc.assert(property, { numRuns: 500 })
})
