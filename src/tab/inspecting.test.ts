import { afterEach, expect, it, vi } from 'vitest'
import '../inspect/recorder.js'
import { createPartyline } from './create-partyline.js'

afterEach(() => vi.unstubAllGlobals())

it('a server that renders pages has nothing to tell, and is not warned', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const line = createPartyline({ invalidates: { changed: ['a'] }, debug: true })
  line.onRecord(() => expect.fail('there is nothing to tell'))()
  await expect(line.inspect()).rejects.toThrow('a line needs a page')
  await expect(line.explain('changed', {})).rejects.toThrow('a line needs a page')
  expect(warn).not.toHaveBeenCalled()
})
