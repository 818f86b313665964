import { expect, it, vi } from 'vitest'
import { SEEKING } from '../link/link-options.js'
import { createStatusStore } from './status-store.js'

const complain = (code: string) => expect.fail(`reported ${code}`)

it('replaces the status only when something in it has changed', () => {
  let now = 1
  const status = createStatusStore(() => now, complain)
  const changed = vi.fn()
  status.subscribe(changed)
  status.begin()
  const before = status.get()
  now = 2
  status.link(SEEKING)
  expect(status.get()).toBe(before)
  status.link({ ...SEEKING, phase: 'attached', host: 'this-tab', socket: { name: 'connected' }, tabs: 1 })
  status.link({ ...SEEKING, phase: 'attached', host: 'this-tab', socket: { name: 'connected' }, tabs: 1 })
  expect(changed).toHaveBeenCalledTimes(2)
  now = 3
  status.link({ ...SEEKING, phase: 'attached', host: 'this-tab', socket: { name: 'connected' }, tabs: 2 })
  // The state is still the one that began at 2.
  expect(status.get()).toMatchObject({ name: 'connected', tabs: 2, since: 2 })
})

it('says disconnected once it was connected, connecting before', () => {
  const status = createStatusStore(() => 0, complain)
  status.begin()
  status.link({ ...SEEKING, reason: 'first try failed' })
  expect(status.get()).toMatchObject({ name: 'connecting', reason: 'first try failed' })
  status.link({ ...SEEKING, phase: 'attached', socket: { name: 'connected' } })
  status.link({ ...SEEKING, reason: 'the hub is gone' })
  expect(status.get()).toMatchObject({ name: 'disconnected', reason: 'the hub is gone' })
})

it('says that the credentials are another user’s, with the reason', () => {
  const status = createStatusStore(() => 0, complain)
  status.begin()
  status.link({ ...SEEKING, phase: 'attached', socket: { name: 'wrong-identity', reason: 'bob, not ann' } })
  expect(status.get()).toMatchObject({ name: 'wrong-identity', reason: 'bob, not ann' })
})

it('says why a session can’t be opened yet', () => {
  const status = createStatusStore(() => 0, complain)
  status.begin()
  status.opening('the url function failed: offline')
  expect(status.get()).toMatchObject({ name: 'connecting', reason: 'the url function failed: offline' })
})
