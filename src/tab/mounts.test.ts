import { QueryClient } from '@tanstack/react-query'
import { describe, expect, it } from 'vitest'
import type { LinkState } from '../link/link-options.js'
import { SEEKING } from '../link/link-options.js'
import { type SignOutMarks, watchSignOuts } from '../platform/sign-out-marks.js'
import { authOf, createMounts } from './mounts.js'
import type { Session } from './session.js'

const client = new QueryClient()
const ann = () => ({ token: 'ann' })
const other = () => ({ token: 'other' })

/** One storage, seen by this tab. `elsewhere` leaves the mark of another tab, with or without an event. */
function createMarks() {
  const all: string[] = []
  const listeners = new Set<() => void>()
  const marks: SignOutMarks = {
    read: () => all.at(-1),
    write: () => void all.push(`mark ${all.length}`),
    on(_who, run) {
      listeners.add(run)
      return () => void listeners.delete(run)
    },
  }
  const elsewhere = (tells: boolean) => {
    marks.write('')
    if (tells) for (const run of listeners) run()
  }
  return { ...marks, elsewhere, count: () => all.length, listeners }
}

/** Mounts whose sessions only log what they are told. */
function setUp() {
  const log: string[] = []
  const codes: string[] = []
  const session: Session = {
    subscriptionsChanged: () => undefined,
    retry: (why) => void log.push(why),
    pendingChanges: () => ({ count: 0, isUncertain: false, since: undefined }),
    refresh: () => undefined,
    send: async () => undefined,
    signOut: () => void log.push('sign out'),
    inside: {} as Session['inside'],
    close: () => void log.push('close'),
  }
  const marks = createMarks()
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
  return { mounts, mount, opened, tell, asked, log, codes, marks }
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

describe('a sign-out before there is a session', () => {
  it('leaves its mark at once, and none of the way to a session', () => {
    const { mounts, mount, opened, log, marks } = setUp()
    mount(ann)
    mounts.signOut()
    expect([marks.count(), ...log]).toEqual([1, 'begin', 'not opened', 'signed out in this tab'])
    mounts.retry()
    // Its code came all the same.
    opened()
    expect(log.slice(3)).toEqual(['close'])
  })

  it('does not end the session that is mounted in the same tick', () => {
    const { mounts, mount, opened, tell, log, marks } = setUp()
    mount(ann)
    mounts.signOut()
    mount(ann)
    opened()
    tell('attached')
    expect([mounts.current?.state.name, mounts.current?.signOuts.last(), log.at(-1)]).toEqual([
      'open',
      'before',
      'begin',
    ])
    mounts.signOut()
    expect(marks.count()).toBe(2)
  })

  it.each([
    ['told of it', true],
    ['finds the mark when its url is there', false],
  ])('in another tab ends it: it is %s', (_how, tells) => {
    const { mounts, mount, opened, log, marks } = setUp()
    mount(ann)
    marks.elsewhere(tells)
    expect(mounts.current?.state.name).toBe(tells ? 'signed-out' : 'opening')
    if (mounts.current && !mounts.endIfSignedOut(mounts.current)) opened()
    expect(log).toEqual(['begin', 'not opened', 'signed out in a tab of this browser'])
    mount(ann)
    expect(mounts.current?.state.name).toBe('opening')
  })

  it('in another tab ends it when the app tries again', () => {
    const { mounts, mount, log, marks } = setUp()
    mount(ann)
    marks.elsewhere(false)
    mounts.retry()
    expect(log.at(-1)).toBe('signed out in a tab of this browser')
  })
})

it('a signed-out session signs nobody out: the user may be back in another tab', () => {
  const { mounts, mount, opened, tell, log, marks } = setUp()
  mount(ann)
  opened()
  marks.elsewhere(true)
  tell('signed-out')
  mounts.signOut()
  expect([marks.count(), ...log]).toEqual([1, 'begin'])
})

it('watches for sign-outs no longer than it is mounted', async () => {
  const { mount, marks } = setUp()
  const unmount = mount(ann)
  expect(marks.listeners.size).toBe(1)
  unmount()
  await Promise.resolve()
  expect(marks.listeners.size).toBe(0)
})
