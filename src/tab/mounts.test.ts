import { QueryClient } from '@tanstack/react-query'
import { expect, it } from 'vitest'
import { createMemoryBrowser } from '../../test/browser.js'
import type { LinkState } from '../link/link-options.js'
import { SEEKING } from '../link/link-options.js'
import { createSignOutMarks, watchSignOuts } from '../platform/sign-out-marks.js'
import { authOf, createMounts } from './mounts.js'
import type { Session } from './session.js'

const client = new QueryClient()
const ann = () => ({ token: 'ann' })
const other = () => ({ token: 'other' })

/** Mounts whose sessions only log what they are told. */
function setUp() {
  const log: string[] = []
  const codes: string[] = []
  const session: Session = {
    subscriptionsChanged: () => undefined,
    retry: (why) => void log.push(why),
    signOut: () => void log.push('sign out'),
    close: () => void log.push('close'),
  }
  const marks = createSignOutMarks(createMemoryBrowser().tab().environment)
  const mounts = createMounts(
    {
      open: () => ({ retry: () => void log.push('open again'), cancel: () => void log.push('not opened') }),
      onState: () => undefined,
      watchSignOuts: (identity) => watchSignOuts(marks, identity),
      onSignedOut: (reason) => void log.push(reason),
      onBegin: () => void log.push('begin'),
      onEnd: () => void log.push('end'),
      onIdentityEnd: () => undefined,
    },
    (code) => void codes.push(code),
  )
  const mount = (auth?: () => object) => mounts.mount({ queryClient: client, identity: 'ann', auth })
  const opened = () => mounts.current && mounts.opened(mounts.current, session)
  const tell = (phase: LinkState['phase']) =>
    mounts.current && mounts.linkChanged(mounts.current, { ...SEEKING, phase })
  const asked = () => mounts.current && authOf(mounts.current)
  return { mounts, mount, opened, tell, asked, log, codes }
}

it('asks the newest mount that has an auth, and one without takes none away', () => {
  const { mount, asked } = setUp()
  mount(ann)
  const unmountSecond = mount()
  expect(asked()).toBe(ann)
  const unmountThird = mount(other)
  expect(asked()).toBe(other)
  unmountSecond()
  expect(asked()).toBe(other)
  unmountThird()
  expect(asked()).toBe(ann)
})

it('of two mounts with the same function, an unmount takes its own away', () => {
  const { mount, asked } = setUp()
  mount(ann)
  mount(other)
  const unmount = mount(ann)
  unmount()
  unmount()
  expect(asked()).toBe(other)
})

it('reads auth when credentials are needed: a component may get one later', () => {
  const { mounts, asked } = setUp()
  let auth: typeof ann | undefined
  mounts.mount({
    queryClient: client,
    identity: 'ann',
    get auth() {
      return auth
    },
  })
  expect(asked()).toBeUndefined()
  auth = ann
  expect(asked()).toBe(ann)
})

it('makes an attempt of every mount that joins a session, and of a retry', () => {
  const { mounts, mount, opened, log } = setUp()
  mounts.retry()
  const unmount = mount(ann)
  mount(ann)
  mounts.retry()
  opened()
  expect(log).toEqual(['begin', 'open again', 'open again'])
  // At sign-in the app renders the same user again.
  unmount()
  mount(other)
  mounts.retry()
  expect(log.slice(3)).toEqual(['mount', 'retry'])
})

it('a retry does not bring back what is signed out; a mount begins a new session', () => {
  const { mounts, mount, opened, tell, log } = setUp()
  mount(ann)
  opened()
  mounts.signOut()
  tell('signed-out')
  mounts.retry()
  expect(log).toEqual(['begin', 'sign out'])
  mount(ann)
  expect(log.slice(2)).toEqual(['close', 'end', 'begin'])
})

it('ends the way to a session that is unmounted before it is open', async () => {
  const { mount, opened, log } = setUp()
  mount(ann)()
  await Promise.resolve()
  opened()
  expect(log).toEqual(['begin', 'not opened', 'end'])
})
