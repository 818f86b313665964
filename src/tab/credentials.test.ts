import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { PartylineErrorCode } from '../util/errors.js'
import { isMetadata } from '../wire/protocol.js'
import { type Auth, readCredentials } from './session.js'

const NOW = 1_900_000_000_000

async function read(give: () => unknown) {
  const codes: PartylineErrorCode[] = []
  const answer = await readCredentials(give as Auth, NOW, (code) => void codes.push(code))
  return { answer, codes }
}

const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

const thenable = (then: (resolve: unknown, reject: (why: unknown) => void) => void) =>
  Object.fromEntries([['then', then]])

const nonsense: [string, () => unknown][] = [
  ['a string', () => 'token'],
  ['a list', () => ['token']],
  ['a date', () => new Date(NOW)],
  ['an object whose JSON is a string', () => ({ toJSON: () => 'token' })],
  ['an object without JSON', () => ({ toJSON: () => undefined })],
  [
    'a circle',
    () =>
      Object.assign(
        {},
        {
          get self() {
            return this
          },
        },
      ),
  ],
  ['a bigint in it', () => ({ token: 1n })],
  [
    'a getter that throws',
    () => ({
      get expiresAt() {
        throw new Error('no')
      },
    }),
  ],
  ['a revoked proxy', revoked],
  ['a function', () => () => 'token'],
  [
    'what throws a revoked proxy',
    () => {
      throw revoked()
    },
  ],
  [
    'what throws an error without a name',
    () => {
      throw Object.assign(new Error('no'), { name: Symbol('none') })
    },
  ],
  [
    'what throws undefined',
    () => {
      throw undefined
    },
  ],
  ['a thenable that rejects', () => thenable((_resolve, reject) => reject('no'))],
  ['a thenable that throws', () => thenable(() => expect.fail('no'))],
]

it.each(nonsense)('auth that gives %s is a coded error', async (_what, give) => {
  const { answer, codes } = await read(give)
  expect(answer.ok).toBe(false)
  expect(codes).toEqual(['auth-failed'])
})

it('auth answers of any shape: nothing is thrown, and what crosses is a plain object', async () => {
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withSparseArray: true,
    withNullPrototype: true,
    withTypedArray: true,
    withObjectString: true,
  })
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(anything, fc.record({ token: fc.string(), expiresAt: anything })),
      fc.boolean(),
      async (value, throws) => {
        const { answer, codes } = await read(() => {
          if (throws) throw value
          return value
        })
        if (!answer.ok) return codes.includes('auth-failed')
        if (answer.auth !== undefined && !isMetadata(answer.auth)) return false
        const { expiresAt } = answer
        return expiresAt === undefined || (Number.isFinite(expiresAt) && expiresAt > NOW && codes.length === 0)
      },
    ),
    { numRuns: 2_000 },
  )
})

it.each([0, -1, NOW, NaN, Infinity, -Infinity, '2100-01-01', true, null, {}, [], new Date(NOW + 60_000)])(
  'expiresAt %s is a bad option, and the credentials are used without it',
  async (expiresAt) => {
    const { answer, codes } = await read(() => ({ token: 'a', expiresAt }))
    expect(answer).toMatchObject({ ok: true, auth: { token: 'a' } })
    expect(answer).not.toHaveProperty('expiresAt')
    expect(codes).toEqual(['bad-option'])
  },
)
