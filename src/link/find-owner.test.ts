import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createMemoryBrowser } from '../../test/browser.js'
import { listenForFollowers } from '../hub/serve.js'
import { discoveryChannelOf, postOnce } from '../wire/discovery.js'
import { findOwner } from './find-owner.js'

const KEY = 'partyline/v1/app/test'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const settle = () => vi.advanceTimersByTimeAsync(0)

function setUp() {
  const browser = createMemoryBrowser()
  const search = new AbortController()
  const pipes: string[] = []
  const { environment } = browser.tab()
  const owner = (name: string) =>
    listenForFollowers({
      environment: browser.tab().environment,
      key: KEY,
      owner: name,
      connect() {
        pipes.push(name)
        return () => undefined
      },
    })
  const onEndpoint = vi.fn()
  const { signal } = search
  return {
    browser,
    search,
    pipes,
    owner,
    onEndpoint,
    find: () => findOwner({ environment, key: KEY }, signal, onEndpoint),
  }
}

it('finds an owner that is there, and one that comes later', async () => {
  for (const late of [false, true]) {
    const { browser, pipes, owner, onEndpoint, find } = setUp()
    if (!late) owner('a')
    find()
    await settle()
    if (late) owner('a')
    await settle()
    expect(onEndpoint).toHaveBeenCalledOnce()
    expect(pipes).toEqual(['a'])
    // The discovery channel, and the pipe's two ends: nothing of the search is left.
    expect(browser.channels.names().map((name) => name.replace(KEY, ''))).toEqual([
      '/discovery',
      ...Array(2).fill(expect.stringMatching(/\/pipe\/a$/)),
    ])
  }
})

it('does not take a former owner that wakes to a connect request before it learns that it was replaced', async () => {
  const { browser, search, owner, onEndpoint, find } = setUp()
  find()
  await settle()
  const { openChannel } = browser.tab().environment
  if (!openChannel) throw new Error('no channels')
  // It learns of the new one; the former one, which still listens for followers, answers first.
  postOnce(openChannel, KEY, { kind: 'elected', owner: 'new' })
  const discovery = openChannel(discoveryChannelOf(KEY))
  discovery.addEventListener('message', ({ data }) => {
    postOnce(openChannel, data.reply, { kind: 'connect-response', owner: 'old', pipe: `${data.reply}/pipe/old` })
  })
  await settle()
  expect(onEndpoint).not.toHaveBeenCalled()
  owner('new')
  await settle()
  expect(onEndpoint).toHaveBeenCalledOnce()
  search.abort()
})

it('asks everybody again once the one that was elected has not answered', async () => {
  const { browser, pipes, owner, onEndpoint, find } = setUp()
  owner('a')
  await settle()
  const askAgain = find()
  const { openChannel } = browser.tab().environment
  if (!openChannel) throw new Error('no channels')
  // Late word of one that has gone since, or of another script: it comes before the owner's answer.
  postOnce(openChannel, KEY, { kind: 'elected', owner: 'nobody' })
  await settle()
  expect(onEndpoint).not.toHaveBeenCalled()
  askAgain()
  await settle()
  expect(onEndpoint).toHaveBeenCalledOnce()
  expect(pipes).toEqual(['a'])
})

it('leaves nothing behind when it is cancelled', async () => {
  const { browser, search, onEndpoint, find } = setUp()
  find()
  search.abort()
  await settle()
  expect(browser.channels.names()).toEqual([])
  expect(onEndpoint).not.toHaveBeenCalled()
})
