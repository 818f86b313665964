import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BrowserContext } from '@playwright/test'
import { startDemo } from '../demo/server/server.js'
import { Bank, test as base, expect, type Page, status } from './fixtures.js'
import { listenToScope, startRecorder } from './recorder.js'

/** The built page, with the recorder at the head of the worker's file: nothing else can run before its first line. */
async function copyWithRecorder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'partyline-secrets-'))
  await cp(fileURLToPath(new URL('../demo/dist', import.meta.url)), folder, { recursive: true })
  const assets = join(folder, 'assets')
  const [worker = ''] = (await readdir(assets)).filter((name) => /^worker.*\.js$/.test(name))
  const path = join(assets, worker)
  await writeFile(path, `(${listenToScope.toString()})();\n${await readFile(path, 'utf8')}`)
  return folder
}

interface Recorded {
  readonly bank: Bank
  readonly recorder: Awaited<ReturnType<typeof startRecorder>>
}

const test = base.extend<{ recorded: Recorded }>({
  recorded: async ({ context }, use) => {
    // Every record crosses to this process first.
    const staticDir = await copyWithRecorder()
    const demo = await startDemo({ staticDir })
    const recorder = await startRecorder(demo, context)
    await use({ bank: new Bank(demo, context), recorder })
    await context.close()
    await demo.close()
    await rm(staticDir, { recursive: true })
  },
})

const withoutSharedWorker = (context: BrowserContext) =>
  context.addInitScript(() => void Reflect.deleteProperty(window, 'SharedWorker'))

/** The server refuses the next credentials, and the connection breaks: fresh ones are requested, twice. */
async function refusedAndReconnected({ bank, recorder }: Recorded, pages: readonly Page[]): Promise<void> {
  const { stats, faults } = bank.demo
  // From the first look on, what happens is recorded by the page itself, too.
  for (const page of pages) await recorder.look(page)
  const before = { connections: stats.connections, refused: stats.refused, tokens: recorder.tokens.length }
  faults.refuseTokens = 1
  await bank.context.request.post(`${bank.demo.url}/api/demo/cut`)
  await expect.poll(() => stats.connections).toBe(before.connections + 1)
  expect(stats.refused).toBe(before.refused + 1)
  expect(recorder.tokens.length).toBeGreaterThanOrEqual(before.tokens + 2)
  const payee = await bank.pay(100)
  for (const page of pages) {
    await expect.poll(async () => (await status(page)).name).toBe('connected')
    await expect(page.getByTestId('tx-row').first()).toContainText(payee)
  }
}

/** No token has leaked, up to a sign-out and after it; and the recorder was active everywhere. */
async function keptSecret(
  { recorder }: Recorded,
  pages: readonly Page[],
  listenedTo: readonly string[],
): Promise<void> {
  for (const page of pages) await recorder.look(page)
  await pages[0]?.getByTestId('btn-sign-out').click()
  for (const page of pages) {
    await expect(page.getByTestId('sign-in-1')).toBeVisible()
    await recorder.look(page)
  }
  const heard = Object.keys(recorder.counts())
  expect(heard).toEqual(
    expect.arrayContaining([
      'server: request',
      'server: upgrade',
      'page: url',
      'page: BroadcastChannel.postMessage',
      'page: Storage.setItem',
      'page: LockManager.request',
      'page: locks',
      'page: status',
      'page: inspection',
      'page: receipt',
      'page: errors',
      'page: stored',
      ...listenedTo,
    ]),
  )
  expect(recorder.sawTokenOnPort()).toBe(true)
  expect(recorder.leaks()).toEqual([])
}

const WORKER = ['page: SharedWorker', 'page: MessagePort.postMessage', 'worker: BroadcastChannel.postMessage']

test('the worker’s token leaks nowhere', async ({ recorded }) => {
  const { bank } = recorded
  await bank.signIn()
  const pages = await bank.openTabs(3)
  expect((await status(pages[0] as Page)).host).toBe('shared-worker')
  await refusedAndReconnected(recorded, pages)
  await keptSecret(recorded, pages, WORKER)
})

test('the leader’s token leaks nowhere, nor its successor’s', async ({ recorded, context }) => {
  const { bank, recorder } = recorded
  await withoutSharedWorker(context)
  await bank.signIn()
  const pages = await bank.openTabs(3)
  await refusedAndReconnected(recorded, pages)
  const roles = await Promise.all(pages.map(async (page) => (await status(page)).role))
  const [leader] = pages.splice(roles.indexOf('leader'), 1)
  if (!leader) throw new Error('no leader')
  await recorder.look(leader)
  const { epoch } = await status(leader)
  await leader.close()
  // Chromium frees the leader's lock a moment later, and until then its followers say that they are connected.
  const isTakenOver = async (page: Page) => {
    const now = await status(page)
    return now.name === 'connected' && now.epoch !== epoch
  }
  for (const page of pages) await expect.poll(() => isTakenOver(page)).toBe(true)
  await refusedAndReconnected(recorded, pages)
  await keptSecret(recorded, pages, [])
})

test('in a mixed fleet the tabs without a worker receive no token, and lead when no other tab can give one', async ({
  recorded,
  context,
}) => {
  const { bank, recorder } = recorded
  await bank.signIn()
  const withWorker = await bank.openTabs(2)
  await withoutSharedWorker(context)
  const followers = await bank.openTabs(2)
  for (const page of followers) expect((await status(page)).host).toBe('shared-worker')
  await refusedAndReconnected(recorded, [...withWorker, ...followers])
  for (const page of withWorker) {
    await recorder.look(page)
    await page.close()
  }
  // The worker has lost its own tabs, and so every tab that it may request credentials from.
  await bank.context.request.post(`${bank.demo.url}/api/demo/cut`)
  for (const page of followers) {
    await expect.poll(async () => (await status(page)).host).toBe('leader-tab')
    await expect.poll(async () => (await status(page)).name).toBe('connected')
  }
  await refusedAndReconnected(recorded, followers)
  await keptSecret(recorded, followers, WORKER)
})

test('the recorder finds a token wherever it leaks', async ({ recorded }) => {
  const { bank, recorder } = recorded
  await bank.signIn()
  const [page] = await bank.openTabs(1)
  if (!page) throw new Error('one tab')
  await recorder.look(page)
  expect(recorder.leaks()).toEqual([])
  await page.evaluate(async (token) => {
    new BroadcastChannel('the-test-listens').postMessage({ leak: token })
    new BroadcastChannel('leak').postMessage({ deep: [new Map([['token', token]])] })
    postMessage(token, location.origin)
    console.warn('auth', { token })
    localStorage.setItem('token', token)
    sessionStorage.setItem('token', token)
    history.replaceState({ token }, '')
    window.ledger.errors.push({ code: 'auth-failed', message: `refused: ${token}` })
    window.ledger.queryClient.setQueryData(['token'], token)
    // Caught and not reported, but it could have been.
    Object.assign(new Error('refused'), { detail: { token } })
    void navigator.locks.request(`lock/${token}`, () => new Promise(() => undefined))
    await fetch(`/nowhere?token=${token}`)
    await (await caches.open('leak')).put('/nothing', new Response(token))
    await new Promise((resolve) => {
      const opening = indexedDB.open('leak')
      opening.onupgradeneeded = () => opening.result.createObjectStore('store')
      opening.onsuccess = () => {
        const storing = opening.result.transaction('store', 'readwrite')
        storing.objectStore('store').put({ token }, 'key')
        storing.oncomplete = resolve
      }
    })
    await new Promise((resolve) => {
      const socket = new WebSocket(
        `${location.origin.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket&t=${token}`,
      )
      socket.onopen = resolve
    })
  }, recorder.tokens.at(-1) ?? '')
  const wanted = [
    'page: BroadcastChannel.postMessage',
    'page: window.postMessage',
    'page: message',
    'page: console.warn',
    'page: Storage.setItem',
    'page: storage',
    'page: stored',
    'page: History.replaceState',
    'page: address',
    'page: onError',
    'page: errors',
    'page: queries',
    'page: LockManager.request',
    'page: locks',
    'page: url',
    'page: resources',
    'page: caches',
    'page: IDBObjectStore.put',
    'server: request',
    'server: upgrade',
    'worker: console.log',
    'worker: BroadcastChannel.postMessage',
  ]
  const missing = async () => {
    await recorder.look(page)
    const leaks = recorder.leaks()
    return wanted.filter((where) => !leaks.includes(where))
  }
  await expect.poll(missing).toEqual([])
})
