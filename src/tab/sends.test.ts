import { notifyManager, QueryClient } from '@tanstack/react-query'
import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type Line, message, type PartylineError } from '../index.js'
import { createTestBrowser, type TestBrowserOptions } from '../testing/index.js'

// Whole tabs, the real library in each, over a server in memory.

notifyManager.setScheduler(queueMicrotask)

const unmounts: (() => void)[] = []
afterEach(() => {
  for (const unmount of unmounts.splice(0)) unmount()
})

type Heard = readonly [identity: string, event: string, data: unknown]

function setUp(options: TestBrowserOptions = {}, transport: 'socket.io' | 'websocket' = 'socket.io') {
  const heard: Heard[] = []
  const browser = createTestBrowser({
    ...options,
    onSend(identity, event, data) {
      heard.push([identity, event, data])
      if (event === 'deny') return { ok: false, code: 'full', message: 'The room is full' }
      return event === 'slow' ? undefined : { heard: (data as { n?: number }).n }
    },
  })
  function openApp(identity = 'ann') {
    const tab = browser.openTab()
    const errors: PartylineError[] = []
    const line = tab.createPartyline({
      url: 'https://api.example.com',
      transport,
      invalidates: { a: ['a'] },
      onError: (error) => void errors.push(error),
    })
    const queryClient = new QueryClient()
    const mount = (who: string | null = identity) => {
      const unmount = line.mount({ queryClient, identity: who })
      unmounts.push(unmount)
      return unmount
    }
    return { tab, line, errors, mount, unmount: mount() }
  }
  return { browser, heard, openApp }
}

/** How it ended: its value, or its code; undefined: not yet. */
function ending(sent: Promise<unknown>) {
  const end: { of?: unknown; error?: PartylineError } = {}
  sent.then(
    (value) => {
      end.of = value === undefined ? 'nothing' : value
    },
    (error: PartylineError) => {
      end.of = error.code
      end.error = error
    },
  )
  return end
}

describe.each([
  ['a worker', {}],
  ['a leader tab', { sharedWorker: false }],
  ['this tab alone', { sharedWorker: false, broadcastChannel: false }],
] as const)('over %s', (_, options) => {
  it.each(['socket.io', 'websocket'] as const)('each tab has its own acknowledgement, over %s', async (transport) => {
    const { browser, heard, openApp } = setUp(options, transport)
    const apps = [openApp(), openApp(), openApp()]
    await browser.settle()
    const ends = apps.map(({ line }, n) => ending(line.send('say', { n })))
    await browser.settle()
    expect(ends.map(({ of }) => of)).toEqual([{ heard: 0 }, { heard: 1 }, { heard: 2 }])
    expect(new Set(heard.map(([, , data]) => (data as { _line: { tab: string } })._line.tab))).toEqual(
      new Set(apps.map(({ line }) => line.origin)),
    )
    expect(apps.flatMap(({ errors }) => errors)).toEqual([])
  })
})

describe('line.send', () => {
  it('rejects at once where there is no connection, and never sends it later', async () => {
    const { browser, heard, openApp } = setUp()
    const { line, mount, unmount } = openApp()
    const early = ending(line.send('say', { n: 1 }))
    await browser.settle()
    browser.server.stop()
    await browser.pass(100)
    const down = ending(line.send('say', { n: 2 }))
    const typing = ending(line.send('typing', {}, { volatile: true }))
    await browser.pass(100)
    expect([early.of, down.of, typing.of]).toEqual(['not-connected', 'not-connected', 'nothing'])
    browser.server.start()
    await browser.pass(60_000)
    expect(line.status.name).toBe('connected')
    unmount()
    await browser.settle()
    const nobody = ending(line.send('say', { n: 3 }))
    await browser.settle()
    expect([nobody.of, heard]).toEqual(['not-connected', []])
    mount()
  })

  it('rejects with what the server says', async () => {
    const { browser, openApp } = setUp()
    const { line } = openApp()
    await browser.settle()
    const sent = ending(line.send('deny'))
    await browser.settle()
    // For the user, as the server wrote it: the event's name is in the detail.
    const answer = { ok: false, code: 'full', message: 'The room is full' }
    expect(sent.error).toMatchObject({
      code: 'rejected',
      message: 'The room is full',
      detail: { event: 'deny', answer },
    })
  })

  it('rejects when its time is over, whatever becomes of the hub', async () => {
    const { browser, openApp } = setUp()
    const { line } = openApp()
    await browser.settle()
    const short = ending(line.send('slow', {}, { timeoutMs: 700 }))
    const usual = ending(line.send('slow'))
    await browser.pass(800)
    expect([short.of, usual.of]).toEqual(['timed-out', undefined])
    await browser.pass(9_300)
    expect(usual.of).toBe('timed-out')
  })

  it.each([null, 0, -1, Number.NaN, 'soon'])('takes the default for a time limit of %s', async (timeoutMs) => {
    const { browser, openApp } = setUp()
    const { line } = openApp()
    await browser.settle()
    const sent = ending(line.send('slow', {}, { timeoutMs: timeoutMs as number }))
    await browser.pass(9_900)
    expect(sent.of).toBe(undefined)
    await browser.pass(200)
    expect(sent.of).toBe('timed-out')
  })

  it.each([
    ['the server goes', ({ browser }) => browser.server.stop()],
    ['the worker dies', ({ browser }) => browser.killWorkers()],
    ['the page is cached', ({ app }) => app.tab.leave()],
    ['the app unmounts', ({ app }) => app.unmount()],
    ['the user signs out here', ({ app }) => app.line.signOut()],
    ['the user signs out elsewhere', ({ other }) => other.line.signOut()],
    ['another user signs in', ({ app }) => void app.mount('bob')],
  ] as readonly (readonly [string, (given: Given) => void])[])(
    'rejects when %s before the acknowledgement, and nothing is sent twice',
    async (_what, happen) => {
      const { browser, heard, openApp } = setUp()
      const app = openApp()
      const other = openApp()
      await browser.settle()
      const sent = ending(app.line.send('slow', { n: 1 }))
      await browser.pass(100)
      happen({ browser, app, other })
      await browser.pass(5_000)
      if (app.tab.state === 'cached') app.tab.return()
      await browser.settle()
      expect(sent.of).toBe('connection-lost')
      browser.server.start()
      await browser.pass(60_000)
      expect(heard.map(([who, event]) => [who, event])).toEqual([['ann', 'slow']])
    },
  )
  interface Given {
    readonly browser: ReturnType<typeof createTestBrowser>
    readonly app: ReturnType<ReturnType<typeof setUp>['openApp']>
    readonly other: ReturnType<ReturnType<typeof setUp>['openApp']>
  }

  it('is lost, and not unsent, right behind a sign-out in another tab: it may have met the hub before', async () => {
    const { browser, heard, openApp } = setUp()
    const [app, other] = [openApp(), openApp()]
    await browser.settle()
    app.line.signOut()
    const behind = ending(other.line.send('say', { n: 1 }))
    await browser.settle()
    const later = ending(other.line.send('say', { n: 2 }))
    await browser.settle()
    // Here it was the first, as who was signed in: `not-connected` would have said that the server can't have it.
    expect([behind.of, later.of]).toEqual(['connection-lost', 'not-connected'])
    expect(heard).toEqual([['ann', 'say', expect.objectContaining({ n: 1 })]])
  })

  it('goes as nobody else, in the tick of a sign-out or a switch as well', async () => {
    const { browser, heard, openApp } = setUp()
    const app = openApp()
    await browser.settle()
    const before = ending(app.line.send('say', { n: 1 }))
    app.line.signOut()
    const after = ending(app.line.send('say', { n: 2 }))
    app.mount('bob')
    const asBob = ending(app.line.send('say', { n: 3 }))
    await browser.settle()
    expect([before.of, after.of, asBob.of]).toEqual(['connection-lost', 'not-connected', 'not-connected'])
    const bobs = ending(app.line.send('say', { n: 4 }))
    app.mount('ann')
    await browser.settle()
    expect(bobs.of).toBe('connection-lost')
    await ending(app.line.send('say', { n: 5 }))
    await browser.settle()
    expect(heard.every(([who, , data]) => who === owner[(data as { n: number }).n])).toBe(true)
    expect(heard.at(-1)).toMatchObject(['ann', 'say', { n: 5 }])
  })
  const owner: Record<number, string> = { 1: 'ann', 4: 'bob', 5: 'ann' }

  it('takes what is JSON, of a bounded size, and no more', async () => {
    const { browser, heard, openApp } = setUp()
    const { line } = openApp()
    await browser.settle()
    const loop: Record<string, unknown> = {}
    loop['self'] = loop
    const ends = [loop, 1n, () => 1, 'x'.repeat(16_384), 'x'.repeat(16_382), [1], undefined, { at: new Date(0) }].map(
      (data) => ending(line.send('say', data as object)),
    )
    await browser.settle()
    expect(ends.map(({ of }) => of)).toEqual([...Array(4).fill('bad-send'), ...ends.slice(4).map(() => ({}))])
    expect(heard.at(-1)?.[2]).toMatchObject({ at: '1970-01-01T00:00:00.000Z' })
  })

  it('has a limit of what waits in one tab, and other tabs go on', async () => {
    const { browser, openApp } = setUp()
    const [flooding, other] = [openApp(), openApp()]
    await browser.settle()
    const ends = Array.from({ length: 105 }, () => ending(flooding.line.send('slow')))
    const typing = ending(flooding.line.send('typing', {}, { volatile: true }))
    const others = ending(other.line.send('say', { n: 1 }))
    await browser.settle()
    expect(ends.filter(({ of }) => of === 'too-many').length).toBe(5)
    expect([typing.of, others.of]).toEqual(['nothing', { heard: 1 }])
    await browser.pass(20_000)
    expect(ends.filter(({ of }) => of === 'timed-out').length).toBe(100)
    const again = ending(flooding.line.send('say', { n: 2 }))
    await browser.settle()
    expect(again.of).toEqual({ heard: 2 })
  })

  it('checks its data by the schema of `sends`, and sends what that gives', async () => {
    const { browser, heard } = setUp()
    const line = browser.openTab().createPartyline({
      invalidates: { a: ['a'] },
      sends: {
        say: message(z.object({ text: z.string(), room: z.string().default('lobby') })),
        leave: message<void, { heard?: number }>(),
        late: message(z.string().refine(async () => true)),
      },
    })
    unmounts.push(line.mount({ queryClient: new QueryClient(), identity: 'ann' }))
    await browser.settle()
    const ends = [
      ending(line.send('say', { text: 'hi' })),
      ending(line.send('say', { text: 7 } as never)),
      ending(line.send('leave')),
      ending(line.send('late', 'x')),
      ending((line as unknown as Line<unknown>).send('toString', {})),
    ]
    await browser.settle()
    expect(ends.map(({ of }) => of)).toEqual([{}, 'bad-send', {}, 'bad-send', {}])
    expect(heard[0]?.[2]).toMatchObject({ text: 'hi', room: 'lobby' })
  })

  it('an answer may come back as an event, to this tab alone', async () => {
    const { browser, heard, openApp } = setUp()
    const [asking, other] = [openApp(), openApp()]
    const got: string[] = []
    asking.line.on('a', () => got.push('asking'))
    other.line.on('a', () => got.push('other'))
    await browser.settle()
    void asking.line.send('say', {}, { volatile: true })
    await browser.settle()
    expect(heard[0]?.[2]).toEqual({ _line: { tab: asking.line.origin } })
    browser.server.emit('ann', 'a', { _line: { tab: asking.line.origin } })
    await browser.settle()
    expect(got).toEqual(['asking'])
  })
})
