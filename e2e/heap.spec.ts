import type { CDPSession } from '@playwright/test'
import { expect, open, type Page, test } from './app-fixtures.js'

/** What a page holds once its garbage is collected. */
interface Held {
  readonly megabytes: number
  readonly listeners: number
  readonly ports: number
  readonly workers: number
  readonly channels: number
  readonly clients: number
}

/** The engine's own caches and compiled code take some memory, but nobody's cache. */
const ALLOWED_MEGABYTES = 3
const SWITCHES = 20
const REMOUNTS = 200

async function instances(session: CDPSession, name: string): Promise<number> {
  const objectGroup = 'counted'
  const evaluated = await session.send('Runtime.evaluate', { expression: `${name}.prototype`, objectGroup })
  const prototypeObjectId = evaluated.result.objectId ?? ''
  const { objects } = await session.send('Runtime.queryObjects', { prototypeObjectId, objectGroup })
  const { result } = await session.send('Runtime.callFunctionOn', {
    objectId: objects.objectId ?? '',
    functionDeclaration: 'function () { return this.length }',
    returnByValue: true,
  })
  await session.send('Runtime.releaseObjectGroup', { objectGroup })
  return result.value as number
}

async function heldBy(session: CDPSession): Promise<Held> {
  // What a finalizer lets go of, the second collection finds.
  for (let time = 0; time < 2; time++) await session.send('HeapProfiler.collectGarbage')
  const { usedSize } = await session.send('Runtime.getHeapUsage')
  const { metrics } = await session.send('Performance.getMetrics')
  return {
    megabytes: usedSize / 1e6,
    listeners: metrics.find(({ name }) => name === 'JSEventListeners')?.value ?? Number.NaN,
    ports: await instances(session, 'MessagePort'),
    workers: await instances(session, 'SharedWorker'),
    channels: await instances(session, 'BroadcastChannel'),
    clients: await instances(session, 'window.app.QueryClient'),
  }
}

async function inspect(page: Page): Promise<CDPSession> {
  const session = await page.context().newCDPSession(page)
  await session.send('HeapProfiler.enable')
  await session.send('Performance.enable')
  return session
}

/**
 * Nothing is held that was not held before. Except that Chromium keeps each SharedWorker that a page has opened, with its
 * closed port, until the page or the worker ends (blink's SharedWorkerClient has a persistent reference to it).
 */
async function nothingIsLeft(session: CDPSession, before: Held, workersOpened: number): Promise<void> {
  const allowed: Held = {
    megabytes: ALLOWED_MEGABYTES,
    listeners: 0,
    ports: workersOpened,
    workers: workersOpened,
    channels: 0,
    clients: 0,
  }
  let now = before
  const added = async () => {
    now = await heldBy(session)
    const names = Object.keys(allowed) as (keyof Held)[]
    return names
      .filter((name) => !(now[name] - before[name] <= allowed[name]))
      .map((name) => `${name}: ${before[name]} -> ${now[name]}`)
  }
  await expect.poll(added, { timeout: 20_000, message: 'what is held beyond what was held before' }).toEqual([])
  console.log(`held: ${JSON.stringify(before)} -> ${JSON.stringify(now)}`)
}

/** Each identity has a cache of two megabytes. Resolves when the last one is connected. */
const switchIdentities = (page: Page, first: number, times: number) =>
  page.evaluate(
    async ({ first, times }) => {
      const owner = window as unknown as { unmount?: () => void }
      for (let number = first; number < first + times; number++) {
        owner.unmount?.()
        // So that it ends, and is not joined or replaced.
        await Promise.resolve()
        const user = `user${number}`
        window.app.token = user
        owner.unmount = window.app.mount(user, window.app.newBulkyClient())
        await window.app.connected()
      }
    },
    { first, times },
  )

const remount = (page: Page, times: number) =>
  page.evaluate(async (times) => {
    const owner = window as unknown as { unmount?: () => void }
    for (let time = 0; time < times; time++) {
      owner.unmount?.()
      await new Promise((resolve) => setTimeout(resolve))
      owner.unmount = window.app.mount('ann')
      await window.app.connected()
    }
  }, times)

for (const host of ['shared-worker', 'leader-tab'])
  test(`twenty switches of identity leave nothing behind (${host})`, async ({ context, server }) => {
    const page = await open(context, server, { host })
    const session = await inspect(page)
    await switchIdentities(page, 0, 3)
    const before = await heldBy(session)
    await switchIdentities(page, 3, SWITCHES)
    await nothingIsLeft(session, before, host === 'shared-worker' ? SWITCHES : 0)
  })

for (const host of ['shared-worker', 'leader-tab'])
  test(`two hundred mounts leave nothing behind (${host})`, async ({ context, server }) => {
    const page = await open(context, server, { host, token: 'ann' })
    const session = await inspect(page)
    await remount(page, 10)
    const before = await heldBy(session)
    await remount(page, REMOUNTS)
    await nothingIsLeft(session, before, host === 'shared-worker' ? REMOUNTS : 0)
    await expect.poll(() => server.users()).toEqual(['ann'])
  })
