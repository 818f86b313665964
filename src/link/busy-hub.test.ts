import { QueryClient } from '@tanstack/react-query'
import { expose } from 'comlink'
import { afterEach, expect, it, vi } from 'vitest'
import '../tab/session.js'
import { createMemoryBrowser, createPipe } from '../../test/browser.js'
import { createPartyline } from '../tab/create-partyline.js'

afterEach(() => void vi.useRealTimers())

it('a hub that sends messages is not given up for an answer that is late', async () => {
  vi.useFakeTimers({ now: 1_000_000 })
  const { environment } = createMemoryBrowser().tab()
  const codes: string[] = []
  const { port1, port2 } = createPipe()
  let pings = 0
  let opened = 0
  const welcome = { ok: true, host: 'shared-worker', epoch: 'e', seq: 0, socket: { name: 'connected' }, tabs: 1 }
  const ping = () => {
    pings++
    return new Promise(() => undefined)
  }
  expose({ attach: () => welcome, ping, want: () => undefined }, port2 as Parameters<typeof expose>[1])
  const openSharedWorker = () => {
    opened++
    return { port: port1 as unknown as MessagePort, addEventListener: () => undefined }
  }
  const line = createPartyline(
    { host: 'shared-worker', invalidates: { a: ['a'] }, onError: ({ code }) => codes.push(code) },
    { ...environment, openSharedWorker },
  )
  const unmount = line.mount({ queryClient: new QueryClient(), identity: 'ann' })
  await vi.advanceTimersByTimeAsync(10)
  expect(line.status.name).toBe('connected')
  for (let second = 0; second < 30; second++) {
    port2.postMessage({ kind: 'state', socket: { name: 'connected' }, tabs: 1 })
    await vi.advanceTimersByTimeAsync(1_000)
  }
  expect([pings, opened, codes]).toEqual([1, 1, []])
  await vi.advanceTimersByTimeAsync(6_500)
  expect(codes).toContain('call-timeout')
  unmount()
})
