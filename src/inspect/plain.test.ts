import { expect, it } from 'vitest'
import { plain, plainMessages, plainSocketOptions, plainText, plainUrl } from './plain.js'

it.each([
  ['https://me:pw@api.example/app?token=x#y', 'https://api.example/app'],
  ['wss://api.example/app', 'wss://api.example/app'],
  ['/app?token=x', '/app'],
])('an address keeps only what says where it is: %s', (url, told) => expect(plainUrl(url)).toBe(told))

it.each([
  ['invalid "Bearer abcdef.ghi" given', 'invalid "(hidden)" given'],
  ['token=abc; rest', 'token=(hidden); rest'],
  ['{"password": "a b", "user": "me"}', '{"password": (hidden), "user": "me"}'],
  ['eyJhbGciOi.eyJzdWIi.sig_na has expired', '(hidden) has expired'],
  ['GET https://a:b@x.example/y?k=v failed', 'GET https://x.example/y failed'],
  ['the bank said no', 'the bank said no'],
  // Partyline's own sentence, with what the server says.
  ['the server refuses the credentials: token is over', 'the server refuses the credentials: token is over'],
  ['given credentials=abc and {"credentials": "abc"}', 'given credentials=(hidden) and {"credentials": (hidden)}'],
])('a message is told without what looks secret: %s', (text, told) => expect(plainText(text)).toBe(told))

it('a value as JSON can say it, with the fields hidden that are named like secrets', () => {
  const circular: Record<string, unknown> = { name: 'a' }
  circular['self'] = circular
  const value = {
    at: new Date(0),
    big: 7n,
    run: () => 1,
    list: [undefined, Symbol('s')],
    authToken: 'x',
    inner: { password: 1 },
  }
  expect(plain(value)).toEqual({
    at: '1970-01-01T00:00:00.000Z',
    big: '7',
    run: undefined,
    list: [null, null],
    authToken: '(hidden)',
    inner: { password: '(hidden)' },
  })
  expect(() => JSON.stringify(plain(circular))).not.toThrow()
  const hostile = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error('no')
      },
    },
  )
  expect(plain({ hostile })).toEqual({ hostile: '...' })
  expect(plainMessages({ reason: 'token=abc', steps: [{ reason: 'Bearer abcdefgh' }] })).toEqual({
    reason: 'token=(hidden)',
    steps: [{ reason: '(hidden)' }],
  })
})

it('a value that says itself what it is in JSON', () => {
  const moment = { internal: { ticks: 1 }, toJSON: () => 'noon' }
  expect(plain(['day', moment, { moment }, new Date(Number.NaN)])).toEqual(['day', 'noon', { moment: 'noon' }, null])
})

it('a part of a graph in which everything knows everything else', () => {
  const nodes: Record<string, unknown>[] = Array.from({ length: 20 }, () => ({}))
  for (const node of nodes) for (const [index, other] of nodes.entries()) node[`to${index}`] = other
  expect(JSON.stringify(plain(['graph', nodes[0]])).length).toBeLessThan(1_000_000)
})

it('a key that is an address keeps its query: it says which data it is', () =>
  expect(plain(['https://api.example/tx?type=card'])).toEqual(['https://api.example/tx?type=card']))

it('a transport’s options: what an app may put credentials into is hidden', () =>
  expect(
    plainSocketOptions({
      path: '/live?key=s3',
      transports: ['websocket'],
      reconnectionDelayMax: 5,
      withCredentials: true,
      extraHeaders: { authorization: 'Bearer s3' },
      query: { k: 's3' },
      auth: { token: 's3' },
      protocols: ['s3'],
      mine: 's3',
      pin: { code: 's3' },
    }),
  ).toEqual({
    path: '/live',
    transports: ['websocket'],
    reconnectionDelayMax: 5,
    withCredentials: true,
    extraHeaders: '(hidden)',
    query: '(hidden)',
    auth: '(hidden)',
    protocols: '(hidden)',
    mine: '(hidden)',
    pin: '(hidden)',
  }))
