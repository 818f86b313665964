import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { afterEach, describe, expect, it, vi } from 'vitest'
// Loaded with this file, so that the library's own lazy imports take no real time.
import '../src/tab/session.js'
import '../src/hub/tab-hub.js'
import '../src/tab/tab-hosts.js'
import * as hints from '../src/inspect/hints.js'
import { createPartyline } from '../src/tab/create-partyline.js'
import type { SimulatedPage } from '../src/testing/simulated-page.js'
import type { WorkerTrouble } from '../src/testing/simulated-workers.js'
import { createWorld, type World } from '../src/testing/world.js'

/** What a developer reads in the console of a tab, by what is wrong. */

type Rules = Parameters<typeof createPartyline>[0]['invalidates']

interface Setting {
  readonly invalidates?: object
  readonly workerTrouble?: WorkerTrouble
  readonly identify?: () => string | undefined
  readonly read?: () => Promise<unknown>
  /** Before the page mounts its line. */
  before?(world: World, page: SimulatedPage): void
  /** While it is connected, or is to be. */
  meanwhile(world: World, page: SimulatedPage): Promise<void>
}

const KEYS = [['balance', '7'], ['tx', { accountId: '7' }], ['profile'], ['loans'], ['cards', 1], ['news']]

async function consoleOf(setting: Setting): Promise<string[]> {
  const { invalidates = { profile_updated: ['profile'] }, identify, read = async () => 1 } = setting
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const world = createWorld({
    ...{ seed: 1, webLocks: true, channel: true, extendedLifetime: false, restarts: false },
    ...{ delay: 10, recovery: false, renewal: false, quiet: 'known' as const },
    identify: (_auth, mountedFor) => (identify ? identify() : mountedFor),
  })
  const page = world.openPage({ sharedWorker: true, workerTrouble: setting.workerTrouble, script: 'worker.js' })
  setting.before?.(world, page)
  const queryClient = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } })
  for (const queryKey of KEYS) new QueryObserver(queryClient, { queryKey, queryFn: read }).subscribe(() => undefined)
  const environment = { ...page.environment, loadHints: async () => hints }
  const line = createPartyline({ invalidates: invalidates as Rules }, environment)
  page.run(() => line.mount({ queryClient, identity: 'u1', auth: () => ({ token: 's3cr3t' }) }))
  await world.pass(3_000)
  await setting.meanwhile(world, page)
  page.close()
  return warn.mock.calls.map(([message]) => String(message))
}

async function emit(world: World, event: string, metadata: object = {}): Promise<void> {
  for (let time = 0; time < 15; time++) {
    world.server.emit('u1', event, metadata)
    await world.pass(2_000)
  }
}

afterEach(() => vi.restoreAllMocks())

describe('the console, in development, says of', () => {
  it.each<[what: string, setting: Setting, said: string[]]>([
    ['nothing wrong', { meanwhile: (world) => emit(world, 'profile_updated') }, []],
    [
      'a server that is down',
      {
        before: (world) => world.server.stop(),
        meanwhile: (world) => world.pass(120_000),
      },
      ["connect-failed: can't connect to https://app.example/: refused"],
    ],
    [
      'a worker that is a 404',
      { workerTrouble: 'error', meanwhile: (world) => world.pass(10_000) },
      ["host-failed: shared-worker: the worker's script could not be loaded or started"],
    ],
    [
      'a token that the server refuses',
      { identify: () => undefined, meanwhile: (world) => world.pass(60_000) },
      ['unauthorized: the server refuses the credentials: bad token'],
    ],
    [
      'an event that is not mapped',
      { meanwhile: (world) => emit(world, 'salary_paid') },
      ["unknown-event: no tab has a rule or a handler for the event 'salary_paid'"],
    ],
    [
      'an event that is nearly mapped',
      { meanwhile: (world) => emit(world, 'profileUpdated') },
      [
        "unknown-event: no tab has a rule or a handler for the event 'profileUpdated'",
        "event-misspelt: the server sends 'profileUpdated', which no rule has, and 'profile_updated' has never come. Are they one event?",
      ],
    ],
    [
      'a rule that matches nothing',
      {
        invalidates: { paid: { touches: ['balances'], targets: (m: { id: string }) => [['balances', m.id]] } },
        meanwhile: (world) => emit(world, 'paid', { id: '7' }),
      },
      [
        "rule-missed: the rule of 'paid' gave ['balances','7'], which matched none of 6 queries in 10 events. Keys in the cache begin with: 'balance', 'tx', 'profile', 'loans', 'cards', 'news'. Did you mean ['balance','7']?",
      ],
    ],
    [
      'a rule that is too broad',
      {
        invalidates: { paid: KEYS.map(([head]) => head) },
        meanwhile: (world) => emit(world, 'paid', { id: '7' }),
      },
      [
        "too-broad: the rule of 'paid' gave ['balance'], ['tx'], ['profile'], ['loans'], ['cards'], ['news'], so each of its events refetches all 6 queries in the cache. Give a longer key, or a scope",
      ],
    ],
    [
      'a rule that is a bare function',
      {
        invalidates: { paid: (m: { id: string }) => [['balance', m.id]] },
        meanwhile: (world) => emit(world, 'paid', { id: '7' }),
      },
      [
        "no-touches: the rule of 'paid' is a function without touches: after a gap it stands for every query. Write { touches: ['balance'], targets: (m) => ... }, with the first part of every key that it can give",
      ],
    ],
    [
      'a rule that gives a key as a list',
      {
        invalidates: { paid: { touches: ['balance'], targets: (m: { id: string }) => ['balance', m.id] } },
        meanwhile: (world) => emit(world, 'paid', { id: '7' }),
      },
      [
        "bad-target: the rule of 'paid' gave the targets 'balance' and '7', and an array is a list of targets. A single key is written [['balance', ...]]",
      ],
    ],
    [
      'a hub that hangs',
      {
        async meanwhile(world) {
          for (const { realm } of world.workers.all()) realm.suspend('hung')
          await world.pass(60_000)
        },
      },
      [
        'call-timeout: the hub did not answer for 2000 ms',
        'host-failed: shared-worker: the hub did not answer for 7500 ms',
      ],
    ],
    [
      'a build that is gone',
      {
        workerTrouble: 'error',
        before: (world, page) => world.chunks.outdate(page.realm.name),
        meanwhile: (world) => world.pass(60_000),
      },
      [
        "stale-build: Partyline's code of this build is gone from the server (https://app.example/assets/chunk.js): reload the page for the present build",
        "no-host: Partyline's own code could not be loaded: Partyline's code of this build is gone from the server (https://app.example/assets/chunk.js): reload the page for the present build",
      ],
    ],
    [
      'an API that hangs',
      { read: () => new Promise(() => undefined), meanwhile: (world) => emit(world, 'profile_updated') },
      [],
    ],
  ])('%s', async (_what, setting, said) => {
    // Each ends with the section of its code.
    const warnings = said.map((message) => `[partyline] ${message} (docs/errors.md#${message.split(':')[0]})`)
    expect(await consoleOf(setting)).toEqual(warnings)
  })
})
