import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryBrowser, createPipe } from '../../test/browser.js'
import { SETTINGS, setUpHub } from '../../test/fake-hub.js'
import { createElector, unopposed } from '../election/create-elector.js'
import type { OpenTransport } from '../transport/transport.js'
import { messageOf } from '../util/errors.js'
import { PROTOCOL } from '../wire/protocol.js'
import { createHub } from './hub.js'
import { mayHandOver, serveHub } from './serve.js'

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

/** A hub whose server judges tokens. */
function setUp(accepts: (token: unknown) => boolean = (token) => token === 'fresh') {
  const hub = setUpHub()
  const tokens: unknown[] = []
  let answered = 0
  const answer = () => {
    const connection = hub.transport.last
    if (connection.attempts === answered) return
    answered = connection.attempts
    const { handlers } = connection
    handlers.auth().then(
      (auth) => {
        tokens.push(auth?.['token'])
        if (accepts(auth?.['token'])) handlers.onUp(false)
        else hub.server.refuse()
      },
      (thrown: unknown) => handlers.onNoCredentials(messageOf(thrown)),
    )
  }
  async function run(ms: number): Promise<void> {
    for (const until = Date.now() + ms; Date.now() < until; ) {
      answer()
      await pass(50)
    }
  }
  async function attach(auth: () => unknown, options: { trusted?: boolean } = {}) {
    const tab = await hub.attach(['a'], { auth, ...options })
    return {
      ...tab,
      asked: () => tab.of('credentials-request').length,
      state: () => tab.of('state').at(-1)?.socket.name,
    }
  }
  return { ...hub, attach, run, tokens }
}

/** `auth` threw. */
const rejects = (): never => {
  throw new Error('auth failed')
}
const isSilent = () => undefined

describe('whose credentials are asked for', () => {
  it('first those of the tab that attached last: the user has signed in again there', async () => {
    const { attach, run } = setUp()
    for (let tab = 0; tab < 5; tab++) await attach(() => 'expired')
    await run(60_000)
    const fresh = await attach(() => 'fresh')
    expect(fresh.welcome.socket.name).toBe('unauthorized')
    await run(2_000)
    expect(fresh.state()).toBe('connected')
    expect(fresh.asked()).toBe(1)
  })

  it('first those of the tab that became visible last', async () => {
    const { attach, run, hub, server } = setUp(() => true)
    const tabs = [await attach(() => 'first'), await attach(() => 'second'), await attach(() => 'third')]
    await run(1_000)
    expect(tabs.map((tab) => tab.asked())).toEqual([0, 0, 1])
    hub.nudge('visible', tabs[0]?.id)
    server.down()
    await run(5_000)
    expect(tabs.map((tab) => tab.asked())).toEqual([1, 0, 1])
  })

  it.each([
    ['hang', isSilent],
    ['reject', rejects],
    ['are refused', () => 'expired'],
  ])('those of every tab in the end, whatever the others do: they %s', async (_, auth) => {
    const { attach, run, hub } = setUp()
    const fresh = await attach(() => 'fresh')
    const others = []
    for (let tab = 0; tab < 7; tab++) others.push(await attach(auth))
    // One of those becomes visible all the time.
    for (let second = 0; second < 240 && fresh.state() !== 'connected'; second++) {
      await run(1_000)
      hub.nudge('visible', others[0]?.id)
    }
    expect(fresh.state()).toBe('connected')
    for (const other of others) expect(other.asked()).toBeGreaterThan(0)
  })

  it('those of a tab that was mounted again at once, though they were refused before', async () => {
    const { attach, run, hub } = setUp()
    let token = 'expired'
    const again = await attach(() => token)
    for (let tab = 0; tab < 3; tab++) await attach(isSilent)
    await run(120_000)
    token = 'fresh'
    hub.nudge('mount', again.id)
    await run(6_000)
    expect(again.state()).toBe('connected')
  })

  it('those of a tab that was mounted again while older ones of it were on their way to a refusal', async () => {
    const { attach, run, hub } = setUp()
    const other = await attach(() => 'expired')
    let token = 'expired'
    const again = await attach(() => {
      const given = token
      if (token === 'expired') hub.nudge('mount', again.id)
      token = 'fresh'
      return given
    })
    await run(6_000)
    expect([again.state(), other.asked()]).toEqual(['connected', 0])
  })

  it('those of a mount into an open connection, before its end by a final refusal is believed', async () => {
    const { attach, run, hub, transport } = setUp()
    const tab = await attach(() => 'fresh')
    await run(1_000)
    const close = () => transport.last.handlers.onRefused({ reason: 'no', final: true, isWrongIdentity: false })
    hub.nudge('mount', tab.id)
    close()
    await run(6_000)
    expect(tab.state()).toBe('connected')
    close()
    await run(600_000)
    expect(tab.state()).toBe('unauthorized')
  })

  it('those of one tab, again and again, where the server could not judge for a while', async () => {
    let isDown = true
    const { attach, run } = setUp((token) => !isDown && token === 'fresh')
    const tab = await attach(() => 'fresh')
    await run(5_000)
    isDown = false
    await run(60_000)
    expect(tab.state()).toBe('connected')
  })
})

describe('a hub whose tabs give no credentials that do', () => {
  it('lets another one lead for the tabs that it can not ask, but only when it has asked all of its own', async () => {
    const { attach, run, ended } = setUp()
    let calls = 0
    const auth = () => {
      calls++
      return 'expired'
    }
    await attach(auth)
    await attach(auth)
    await attach(() => 'never asked', { trusted: false })
    await run(120_000)
    expect(calls).toBeGreaterThanOrEqual(2)
    expect(ended()).toBe(1)
  })

  it('stays without such tabs', async () => {
    const { attach, run, ended } = setUp()
    await attach(() => 'expired')
    await run(600_000)
    expect(ended()).toBe(0)
  })
})

it('hubs that all fail hand the connection to and fro ever more seldom, and both are asked', async () => {
  const browser = createMemoryBrowser()
  const asked: string[] = []
  const handshakes: number[] = []
  const open: OpenTransport = (_, handlers) => {
    const connect = () => {
      handshakes.push(Date.now())
      handlers.auth().then(
        () => handlers.onRefused({ reason: 'no', final: false, isWrongIdentity: false }),
        (thrown: unknown) => handlers.onNoCredentials(messageOf(thrown)),
      )
    }
    return { connect, reconnect: connect, disconnect: () => undefined, close: () => undefined }
  }
  /** A tab that leads when it can, and follows when it can't. */
  function openTab(name: string): void {
    const { environment } = browser.tab()
    const key = 'k'
    const elector = createElector(environment, key)
    const settings = { ...SETTINGS, lingerMs: 0 }
    const hello = { protocol: PROTOCOL, tab: name, check: 'c', events: [], since: { ageMs: 0 } }
    const campaign = async () => {
      const candidacy = new AbortController()
      const { lost } = await elector.campaign(candidacy.signal)
      lost.addEventListener('abort', () => undefined)
      const hub = createHub({
        environment,
        key,
        host: 'leader-tab',
        settings,
        openTransport: open,
        mayHandOver: () => mayHandOver(environment, key),
        onEnd: () => {
          candidacy.abort()
          setTimeout(campaign, 100)
        },
      })
      const { port1, port2 } = createPipe()
      port1.addEventListener('message', ({ data }) => {
        if (data.kind !== 'credentials-request') return
        asked.push(name)
        hub.credentials(data.request, { ok: true, auth: { token: name } })
      })
      await hub.attach(port2, { ...hello, settings }, true)
      await hub.attach(createPipe().port2, { ...hello, tab: 'follower' }, false)
    }
    void campaign()
  }
  openTab('one')
  openTab('two')
  await pass(60_000)
  expect(new Set(asked)).toEqual(new Set(['one', 'two']))
  expect(handshakes.length).toBeLessThan(36)
  await pass(24 * 3_600_000)
  const lastHour = handshakes.filter((at) => at > Date.now() - 3_600_000)
  expect(lastHour.length).toBeGreaterThan(60)
  expect(lastHour.length).toBeLessThan(300)
})

it('a transport that asks for credentials at once makes no loop', async () => {
  const { environment } = createMemoryBrowser().tab()
  let opened = 0
  let asked = 0
  const open: OpenTransport = (_, handlers) => {
    opened++
    const connect = () => {
      asked++
      handlers.auth().then(
        () => handlers.onUp(false),
        (thrown) => handlers.onNoCredentials(messageOf(thrown)),
      )
    }
    return { connect, reconnect: connect, disconnect: () => undefined, close: () => undefined }
  }
  const served = serveHub({ environment, key: 'k', host: 'this-tab', open, elector: unopposed })
  const { port1, port2 } = createPipe()
  served.connect(port2)
  const got: unknown[] = []
  port1.addEventListener('message', ({ data }) => void got.push(data))
  const hello = { protocol: PROTOCOL, tab: 't', settings: SETTINGS, check: 'c', events: [], since: { ageMs: 0 } }
  port1.postMessage({ id: 'x', type: 'APPLY', path: ['attach'], argumentList: [{ type: 'RAW', value: hello }] })
  await pass(1_000)
  expect(got).toMatchObject([{ kind: 'credentials-request' }, expect.anything(), expect.anything()])
  expect([opened, asked]).toEqual([1, 1])
  served.close()
})
