import { QueryClient } from '@tanstack/react-query'
import { expose, wrap } from 'comlink'
import { expect, it, vi } from 'vitest'
import { createMemoryBrowser, createPipe } from '../../test/browser.js'
import { createFakeTransport } from '../../test/fake-transport.js'
import { until } from '../../test/until.js'
import { unopposed } from '../election/create-elector.js'
import { serveHub } from '../hub/serve.js'
import { createPartyline } from '../tab/create-partyline.js'
import type { HubCalls } from './hub-calls.js'
import { keyOf } from './key.js'
import { PROTOCOL } from './protocol.js'

// Two deploys whose protocols differ, in one browser.

it('has a key of its own for each version, so that they never meet', async () => {
  const ours = keyOf('app', { url: 'https://api.example/', identity: 'u1' })
  vi.resetModules()
  vi.doMock('./protocol.js', async (original) => ({ ...(await original<object>()), PROTOCOL: PROTOCOL + 1 }))
  const { keyOf: theirs } = await import('./key.js')
  vi.doUnmock('./protocol.js')
  expect(ours).toContain(`/v${PROTOCOL}/`)
  expect(theirs('app', { url: 'https://api.example/', identity: 'u1' })).toBe(
    ours.replace(`/v${PROTOCOL}/`, `/v${PROTOCOL + 1}/`),
  )
})

it('a hub refuses a tab that speaks another version, and opens no socket for it', async () => {
  const transport = createFakeTransport()
  const { environment } = createMemoryBrowser().tab()
  const hub = serveHub({ environment, key: 'k', host: 'shared-worker', open: transport.open, elector: unopposed })
  const { port1, port2 } = createPipe()
  hub.connect(port2)
  const answer = await wrap<HubCalls>(port1 as Parameters<typeof wrap>[0]).attach({
    protocol: PROTOCOL + 1,
    tab: 't',
    events: [],
    check: 'c',
    since: { ageMs: 0 },
    settings: { url: 'u', identity: 'i', socket: {}, lingerMs: 0, authTimeoutMs: 1 },
  })
  expect(answer).toMatchObject({ ok: false, code: 'protocol-mismatch' })
  expect(transport.opened).toEqual([])
})

it('a tab that was refused for its version shows that in its status, and goes on to the next rung', async () => {
  const { environment } = createMemoryBrowser().tab()
  const codes: string[] = []
  const openSharedWorker = () => {
    const { port1, port2 } = createPipe()
    const attach = () => ({ ok: false, code: 'protocol-mismatch', message: 'this hub speaks protocol 2' })
    expose({ attach }, port2 as Parameters<typeof expose>[1])
    return { port: port1 as unknown as MessagePort, addEventListener: () => undefined }
  }
  const line = createPartyline(
    { invalidates: { a: ['a'] }, host: 'shared-worker', onError: (error) => codes.push(error.code) },
    { ...environment, openSharedWorker },
  )
  const unmount = line.mount({ queryClient: new QueryClient(), identity: 'u1' })
  await until(() =>
    expect(line.status.steps).toEqual([{ host: 'shared-worker', reason: 'this hub speaks protocol 2' }]),
  )
  expect(codes).toEqual(['protocol-mismatch', 'no-host'])
  expect(line.status.reason).toContain('this hub speaks protocol 2')
  unmount()
})
