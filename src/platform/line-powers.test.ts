import { afterEach, expect, it, vi } from 'vitest'
import { linePowers } from './line-powers.js'

afterEach(() => void vi.unstubAllGlobals())

it.each([
  [200, 'text/javascript', 'there'],
  [200, 'text/html; charset=utf-8', 'gone'],
  [403, 'application/xml', 'gone'],
  [404, 'text/plain', 'gone'],
  [410, 'text/plain', 'gone'],
  [408, 'text/plain', 'unreachable'],
  [425, 'text/plain', 'unreachable'],
  [429, 'text/plain', 'unreachable'],
  [503, 'text/html', 'unreachable'],
])('an answer %i with %s says that a file is %s', async (status, type, state) => {
  vi.stubGlobal('fetch', async () => new Response('', { status, headers: { 'content-type': type } }))
  expect(await linePowers().chunks?.look('https://app.example/chunk.js')).toBe(state)
})

it('without a network nobody can tell', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')))
  expect(await linePowers().chunks?.look('https://app.example/chunk.js')).toBe('unreachable')
})
