import { expect, it } from 'vitest'
import { sha256 } from '../platform/line-powers.js'
import { simulatedSha256 } from './sha256.js'

it.each(['', 'abc', 'ä\u{1f600}', 'x'.repeat(55), 'x'.repeat(56), 'x'.repeat(64), 'x'.repeat(1_000)])(
  'hashes as the browser does: %#',
  async (text) => expect(simulatedSha256(text)).toBe(await sha256(text)),
)
