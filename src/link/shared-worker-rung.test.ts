import { expect, it } from 'vitest'
import { createPipe } from '../../test/browser.js'
import type { SharedWorkerSlice } from '../platform/shared-worker.js'
import { sharedWorkerRung } from './rungs.js'

/** A page's SharedWorker, which the page keeps until it ends, with all of its listeners. */
function fakeWorker() {
  const listeners = new Set<(event: Event) => void>()
  const worker: SharedWorkerSlice = {
    port: createPipe().port1 as unknown as MessagePort,
    addEventListener(_type, listener, { signal }) {
      listeners.add(listener)
      signal.addEventListener('abort', () => listeners.delete(listener))
    },
  }
  return { worker, listeners }
}

it('a hundred attachments leave no listener on the worker', async () => {
  const { worker, listeners } = fakeWorker()
  const rung = sharedWorkerRung(() => worker, 'key')
  for (let mount = 0; mount < 100; mount++) {
    const attempt = new AbortController()
    await rung.open({ fail: () => undefined, signal: attempt.signal, hubTimedOut: false })
    expect(listeners.size).toBe(1)
    attempt.abort()
  }
  expect(listeners.size).toBe(0)
})

it('tells of a worker that fails later, as long as the attachment lasts', async () => {
  const { worker, listeners } = fakeWorker()
  const failures: string[] = []
  const attempt = new AbortController()
  const fail = (reason: string) => void failures.push(reason)
  await sharedWorkerRung(() => worker, 'key').open({ fail, signal: attempt.signal, hubTimedOut: false })
  for (const listener of listeners) listener({ type: 'error', message: 'it threw' } as unknown as Event)
  expect(failures).toEqual(['it threw'])
})
