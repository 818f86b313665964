import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createFakeBrowser } from '../../test/fake-browser.js'
import { listenForFollowers } from '../hub/follower-listener.js'
import { discoveryChannelOf, postOnce } from '../wire/discovery.js'
import { findOwner } from './find-owner.js'

const KEY = 'partyline/v1/app/test'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const settle = () => vi.advanceTimersByTimeAsync(0)

function setUp() {
  const browser = createFakeBrowser()
  const search = new AbortController()
  const pipes: string[] = []
  const { environment } = browser.tab()
  const owner = (name: string) => listenForFollowers(browser.tab().environment, KEY, name, () => pipes.push(name))
  const onPipe = vi.fn()
  return { browser, search, pipes, owner, onPipe, look: () => findOwner(environment, KEY, search.signal, onPipe) }
}

it('finds an owner that is there, and one that comes later', async () => {
  for (const late of [false, true]) {
    const { browser, pipes, owner, onPipe, look } = setUp()
    if (!late) owner('a')
    look()
    await settle()
    if (late) owner('a')
    await settle()
    expect(onPipe).toHaveBeenCalledOnce()
    expect(pipes).toEqual(['a'])
    // The door, and the pipe's two ends: nothing of the search is left.
    expect(browser.channels.names().map((name) => name.replace(KEY, ''))).toEqual([
      '/discovery',
      ...Array(2).fill(expect.stringMatching(/\/pipe\/a$/)),
    ])
  }
})

it('does not take one that has been deposed, and wakes to a knock before it knows', async () => {
  const { browser, search, owner, onPipe, look } = setUp()
  look()
  await settle()
  const { openChannel } = browser.tab().environment
  if (!openChannel) throw new Error('no channels')
  // It hears of the new one; the former one, whose door is still open, answers first.
  postOnce(openChannel, KEY, { kind: 'elected', owner: 'new' })
  const door = openChannel(discoveryChannelOf(KEY))
  door.addEventListener('message', ({ data }) => {
    postOnce(openChannel, data.reply, { kind: 'connect-response', owner: 'old', pipe: `${data.reply}/pipe/old` })
  })
  await settle()
  expect(onPipe).not.toHaveBeenCalled()
  owner('new')
  await settle()
  expect(onPipe).toHaveBeenCalledOnce()
  search.abort()
})

it('leaves nothing behind when it is called off', async () => {
  const { browser, search, onPipe, look } = setUp()
  look()
  search.abort()
  await settle()
  expect(browser.channels.names()).toEqual([])
  expect(onPipe).not.toHaveBeenCalled()
})
