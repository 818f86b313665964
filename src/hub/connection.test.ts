import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryBrowser } from '../../test/browser.js'
import { createFakeTransport } from '../../test/fake-transport.js'
import type { HubProblem, Nudge, Settings, SocketState } from '../wire/protocol.js'
import { createConnection } from './connection.js'
import { createHubLog } from './log.js'

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

const SETTINGS: Settings = { url: 'https://x', identity: 'u1', socket: {}, lingerMs: 0, authTimeoutMs: 10_000 }
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

function setUp({
  settings = SETTINGS,
  random = (): number => 0.5,
  isAnotherLeft = false,
  wasRefused = false,
  transport = createFakeTransport(),
} = {}) {
  const { environment } = createMemoryBrowser().tab()
  const states: SocketState[] = []
  const problems: HubProblem[] = []
  const connection = createConnection({
    environment: { ...environment, random },
    settings,
    openTransport: transport.open,
    log: createHubLog(environment.clock.monotonic),
    wasRefused,
    handlers: {
      auth: async () => undefined,
      onState: (state) => states.push(state),
      onProblem: (problem) => problems.push(problem),
      onUp: () => undefined,
      onDown: () => undefined,
      onHeld: () => undefined,
      onRefused: () => isAnotherLeft,
      onUnauthorized: () => undefined,
      onEvent: () => undefined,
      onPing: () => undefined,
      onBadFrame: () => undefined,
    },
  })
  const far = transport.last
  /** What the server does at each attempt. */
  let answer: (() => void) | undefined
  let answered = 0
  const serve = (next: () => void, isPendingSilent = false) => {
    answer = next
    if (isPendingSilent) answered = far.attempts
  }
  const run = async (ms: number) => {
    const until = performance.now() + ms
    while (performance.now() < until) {
      while (answer && answered < far.attempts) {
        answered = far.attempts
        answer()
      }
      await pass(100)
    }
  }
  const refuse = (refusal: { final?: boolean; isWrongIdentity?: boolean } = {}) =>
    far.handlers.onRefused({ reason: 'no', final: false, isWrongIdentity: false, ...refusal })
  connection.start()
  return { connection, far, states, problems, serve, run, refuse }
}

describe('no state is a dead end', () => {
  type Step =
    | { readonly kind: 'up' | 'down' | 'failed' | 'refused' | 'no credentials' | 'wrong identity' | 'identity' }
    | { readonly kind: 'nudge'; readonly why: Nudge }
    | { readonly kind: 'renew'; readonly answer: 'accepted' | 'refused' | 'unavailable' | 'unknown' }
    | { readonly kind: 'move' }
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.constantFrom<Step>(
      { kind: 'up' },
      { kind: 'down' },
      { kind: 'failed' },
      { kind: 'refused' },
      { kind: 'refused' },
      { kind: 'refused' },
      { kind: 'no credentials' },
      { kind: 'wrong identity' },
      { kind: 'identity' },
      { kind: 'move' },
    ),
    fc.record({
      kind: fc.constant('nudge' as const),
      why: fc.constantFrom<Nudge>('online', 'visible', 'wake', 'retry', 'mount'),
    }),
    fc.record({
      kind: fc.constant('renew' as const),
      answer: fc.constantFrom('accepted', 'refused', 'unavailable', 'unknown'),
    }) as fc.Arbitrary<Step>,
  )

  it('whatever came before, a server that is well again has this browser within two minutes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(step, fc.nat(40_000)), { maxLength: 30 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        async (steps, draw) => {
          const { connection, far, run, serve, refuse } = setUp({ random: () => draw })
          const { handlers } = far
          let isOpen = false
          let seen = 0
          /** A transport reports of an attempt or a connection, of each once. */
          const attempting = () => {
            const isNew = far.attempts > seen
            seen = far.attempts
            return isNew
          }
          for (const [one, ms] of steps) {
            if (one.kind === 'nudge') connection.nudge(one.why)
            else if (one.kind === 'move') connection.move()
            else if (one.kind === 'renew') {
              far.renewal = one.answer
              void connection.renew({})
            } else if (one.kind === 'identity') {
              if (isOpen) connection.refuseIdentity('somebody else')
              isOpen = false
            } else if (one.kind === 'down') {
              if (isOpen) handlers.onDown('lost')
              isOpen = false
            } else if (attempting()) {
              if (one.kind === 'up') handlers.onUp(false)
              else if (one.kind === 'failed') handlers.onAttemptFailed('failed')
              else if (one.kind === 'refused') refuse()
              else if (one.kind === 'wrong identity') refuse({ isWrongIdentity: true })
              else handlers.onNoCredentials('none')
              isOpen = one.kind === 'up'
            }
            if (connection.state().name !== 'connected') isOpen = false
            await pass(ms)
            if (connection.state().name !== 'connected') isOpen = false
          }
          // An attempt that is under way never ends by itself.
          serve(() => handlers.onUp(false), true)
          await run(120_000)
          expect(connection.state().name).toBe('connected')
          connection.close()
          await pass(60_000)
          expect(vi.getTimerCount()).toBe(0)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('an attempt that never ends is ended, and another one is made', async () => {
    const { far, states, problems } = setUp()
    await pass(19_900)
    expect([far.attempts, far.disconnects]).toEqual([1, []])
    await pass(1_200)
    expect([far.attempts, far.disconnects]).toEqual([2, ['keep']])
    expect(states.at(-1)?.name).toBe('connecting')
    expect(problems.map(({ code }) => code)).toEqual(['connect-failed'])
  })

  it('the time limit of an attempt ends with it: a connection that came in time is left alone', async () => {
    const { connection, far } = setUp()
    await pass(15_000)
    far.handlers.onUp(false)
    await pass(60_000)
    expect([far.attempts, far.disconnects]).toEqual([1, []])
    expect(connection.state().name).toBe('connected')
  })

  it('a tab that may take a minute for its credentials is given it', async () => {
    const { far } = setUp({ settings: { ...SETTINGS, authTimeoutMs: 60_000 } })
    await pass(69_000)
    expect(far.attempts).toBe(1)
    await pass(3_000)
    expect(far.attempts).toBe(2)
  })
})

describe('a final refusal', () => {
  it('schedules nothing, and a mount, another tab or the app makes an attempt', async () => {
    for (const why of ['mount', 'retry'] as const) {
      const { connection, far, refuse, problems } = setUp()
      refuse({ final: true })
      expect(connection.state()).toEqual({ name: 'unauthorized', reason: 'no', final: true })
      expect(problems).toMatchObject([{ code: 'unauthorized' }])
      for (const other of ['visible', 'online', 'wake'] as const) connection.nudge(other)
      await pass(24 * 3_600_000)
      expect(far.attempts).toBe(1)
      connection.nudge(why)
      expect(far.attempts).toBe(2)
    }
  })

  it('of an attempt that a mount or the app came into is followed by one more', async () => {
    for (const why of ['mount', 'retry'] as const) {
      const { connection, far, refuse } = setUp()
      connection.nudge(why)
      connection.nudge('online')
      refuse({ final: true })
      expect(connection.state()).toEqual({ name: 'connecting', reason: 'no' })
      await pass(2_000)
      expect(far.attempts).toBe(2)
      refuse({ final: true })
      expect(connection.state()).toEqual({ name: 'unauthorized', reason: 'no', final: true })
      await pass(24 * 3_600_000)
      expect(far.attempts).toBe(2)
    }
  })

  it('is told at once, and met slowly, where a hub here has just given up because of it', async () => {
    const { far, states, refuse } = setUp({ wasRefused: true })
    refuse()
    expect(states.at(-1)?.name).toBe('unauthorized')
    await pass(1_900)
    expect(far.attempts).toBe(1)
    await pass(200)
    expect(far.attempts).toBe(2)
  })

  it('is one of many while another tab is yet to be asked', async () => {
    const { far, refuse } = setUp({ isAnotherLeft: true })
    refuse({ final: true })
    await pass(1_000)
    expect(far.attempts).toBe(2)
  })
})

describe('nudges', () => {
  it('leave an attempt alone: a server that takes 2 s is reached in one, however often the network changes', async () => {
    const { connection, far } = setUp()
    for (let time = 0; time < 3; time++) {
      await pass(600)
      connection.nudge('online')
    }
    expect(far.attempts).toBe(1)
    far.handlers.onUp(false)
    expect(connection.state().name).toBe('connected')
  })

  it('in a storm cut pauses ever less: no handshake for each', async () => {
    const { connection, far, serve, run } = setUp()
    serve(() => far.handlers.onAttemptFailed('down'))
    for (let time = 0; time < 500; time++) {
      connection.nudge('online')
      await run(1_200)
    }
    // Ten minutes.
    expect(far.attempts).toBeGreaterThan(50)
    expect(far.attempts).toBeLessThan(75)
  })

  it('cut a pause after the clock was set back by an hour', async () => {
    const { connection, far } = setUp()
    far.handlers.onUp(false)
    connection.nudge('visible')
    await pass(11_000)
    vi.setSystemTime(Date.now() - 3_600_000)
    far.handlers.onDown('transport close')
    connection.nudge('visible')
    expect(far.attempts).toBe(2)
    far.handlers.onUp(false)
    await pass(11_000)
    far.answersProbes = false
    connection.nudge('online')
    await pass(3_000)
    expect([far.probes, far.attempts]).toEqual([2, 3])
  })

  it('during an attempt that fails make the next one come soon, after a pause all the same', async () => {
    const { connection, far } = setUp()
    for (let failure = 0; failure < 8; failure++) {
      far.handlers.onAttemptFailed('down')
      await pass(20_000)
    }
    const { attempts } = far
    connection.nudge('mount')
    far.handlers.onAttemptFailed('down')
    await pass(90)
    expect(far.attempts).toBe(attempts)
    await pass(1_000)
    expect(far.attempts).toBe(attempts + 1)
  })
})

describe('a server that answers the app', () => {
  const SLOW = { ...SETTINGS, socket: { reconnectionDelayMax: 300_000 } }
  const fail = async ({ far }: ReturnType<typeof setUp>, times: number) => {
    for (let failure = 0; failure < times; failure++) {
      far.handlers.onAttemptFailed('down')
      const { attempts } = far
      while (far.attempts === attempts) await pass(1_000)
    }
  }

  it('is reached within a second, however long the pause is by then', async () => {
    const hub = setUp({ settings: SLOW })
    await fail(hub, 9)
    hub.far.handlers.onAttemptFailed('down')
    await pass(5_000)
    expect(hub.connection.inspect().nextAttemptInMs).toBeGreaterThan(100_000)
    const { attempts } = hub.far
    hub.connection.nudge('reachable')
    expect(hub.far.attempts).toBe(attempts)
    await pass(1_000)
    expect(hub.far.attempts).toBe(attempts + 1)
    // The attempt has its own time limit.
    hub.connection.nudge('reachable')
    await pass(5_000)
    expect(hub.far.attempts).toBe(attempts + 1)
  })

  it.each([
    ['with pauses of 300 s at most', SLOW, 30],
    ['with the usual ones', SETTINGS, 90],
  ])('all the time, and refuses every socket for ten minutes, gets few handshakes, %s', async (_, settings, most) => {
    for (const during of [false, true]) {
      const { connection, far, serve, run } = setUp({ settings, random: Math.random })
      serve(() => {
        if (during) connection.nudge('reachable')
        far.handlers.onAttemptFailed('down')
      })
      const asking = setInterval(() => connection.nudge('reachable'), 250)
      await run(600_000)
      clearInterval(asking)
      expect(far.attempts).toBeLessThan(most)
      // A connection that has held starts its back-off again.
      serve(() => far.handlers.onUp(false))
      while (connection.state().name !== 'connected') await run(1_000)
      await run(11_000)
      const { attempts } = far
      far.handlers.onDown('transport close')
      connection.nudge('reachable')
      await run(1_100)
      expect(far.attempts).toBe(attempts + 1)
    }
  })

  it('refuses the credentials, or asks for a pause: that pause is kept, and so is a connection', async () => {
    const ends: ((hub: ReturnType<typeof setUp>) => void)[] = [
      ({ refuse }) => refuse(),
      ({ refuse }) => refuse({ final: true }),
      ({ far }) => far.handlers.onNoCredentials('auth failed'),
      ({ far }) => {
        far.handlers.onRetryAfter(60_000)
        far.handlers.onAttemptFailed('too busy')
      },
      ({ far }) => far.handlers.onUp(false),
    ]
    for (const end of ends) {
      const hub = setUp()
      for (let time = 0; time < 6; time++) {
        end(hub)
        if (hub.connection.state().name !== 'connected') hub.connection.nudge('retry')
        await pass(1_100)
      }
      end(hub)
      const due = hub.connection.inspect().nextAttemptInMs
      const { attempts, probes } = hub.far
      hub.connection.nudge('reachable')
      await pass(1_000)
      expect(hub.far.attempts).toBe(attempts)
      expect(hub.far.probes).toBe(probes)
      const { nextAttemptInMs } = hub.connection.inspect()
      expect(nextAttemptInMs).toBe(due === undefined ? undefined : due - 1_000)
      hub.connection.close()
    }
  })
})

describe('a connection that does not hold', () => {
  it('is met ever more slowly, and counted', async () => {
    const { connection, far, serve, run } = setUp({ random: Math.random })
    serve(() => {
      far.handlers.onUp(false)
      setTimeout(() => far.handlers.onDown('transport close'), 200)
    })
    await run(600_000)
    // With the pauses of a first loss it were some 600.
    expect(far.attempts).toBeLessThan(120)
    // The last one may be open.
    expect(far.attempts - connection.flaps()).toBeOneOf([0, 1])
    serve(() => far.handlers.onUp(false))
    await run(40_000)
    expect(connection.standing().flaps).toBeUndefined()
    far.handlers.onDown('transport close')
    expect(connection.flaps()).toBe(0)
    const { attempts } = far
    await pass(2_100)
    expect(far.attempts).toBe(attempts + 1)
  })

  it('is not replaced in a loop by a server that asks every connection to move', async () => {
    const { connection, far, serve, run } = setUp()
    serve(() => {
      far.handlers.onUp(false)
      connection.move()
    })
    await run(60_000)
    expect(far.attempts).toBeLessThan(12)
  })
})

describe('another user’s credentials', () => {
  it('are told as such, and tried again slowly', async () => {
    const { connection, far, refuse, problems, serve, run } = setUp()
    serve(() => refuse({ isWrongIdentity: true, final: true }))
    await run(600_000)
    expect(connection.state()).toEqual({ name: 'wrong-identity', reason: 'no' })
    expect(connection.standing().problems).toEqual(problems)
    expect(problems).toMatchObject([{ code: 'wrong-identity' }])
    expect(far.attempts).toBeGreaterThan(15)
    expect(far.attempts).toBeLessThan(40)
  })

  it('that the server has let in are dropped so that nothing of the session is recovered', async () => {
    const { connection, far } = setUp()
    far.handlers.onUp(false)
    connection.refuseIdentity('somebody else')
    expect(far.disconnects).toEqual(['end'])
    expect(connection.state()).toEqual({ name: 'wrong-identity', reason: 'somebody else' })
  })
})

it('a server that can not judge renewed credentials keeps its connection', async () => {
  const { connection, far } = setUp()
  far.handlers.onUp(false)
  far.renewal = 'unavailable'
  expect(await connection.renew({})).toBe('unavailable')
  await pass(60_000)
  expect(far.attempts).toBe(1)
})

describe('what a transport can’t do', () => {
  it('probe: another network replaces the connection, once a minute at most; a look does not', async () => {
    const { connection, far } = setUp({ transport: createFakeTransport(['probe']) })
    far.handlers.onUp(false)
    await pass(11_000)
    connection.nudge('visible')
    expect(far.attempts).toBe(1)
    await pass(6_000)
    connection.nudge('online')
    expect(far.attempts).toBe(2)
    far.handlers.onUp(false)
    await pass(30_000)
    connection.nudge('online')
    await pass(5_000)
    expect(far.attempts).toBe(2)
    await pass(30_000)
    connection.nudge('online')
    expect(far.attempts).toBe(3)
  })

  it('renew: the connection is replaced, and asks for credentials again', async () => {
    const { connection, far } = setUp({ transport: createFakeTransport(['renew']) })
    far.handlers.onUp(false)
    await pass(11_000)
    expect(await connection.renew({ token: 'fresh' })).toBe(undefined)
    expect(far.attempts).toBe(2)
  })
})

it('a pause that the server asks for comes on top of this browser’s own, and once', async () => {
  const { far } = setUp()
  far.handlers.onRetryAfter(60_000)
  far.handlers.onAttemptFailed('503')
  await pass(60_000)
  expect(far.attempts).toBe(1)
  await pass(2_000)
  expect(far.attempts).toBe(2)
  far.handlers.onAttemptFailed('503')
  await pass(5_000)
  expect(far.attempts).toBe(3)
  far.handlers.onRetryAfter(Number.NaN)
  far.handlers.onRetryAfter(-1)
  far.handlers.onRetryAfter(10 ** 9)
  far.handlers.onAttemptFailed('503')
  await pass(610_000)
  expect(far.attempts).toBe(4)
})
