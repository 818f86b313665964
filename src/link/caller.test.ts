import { expose } from 'comlink'
import { describe, expect, it } from 'vitest'
import { createPipe } from '../../test/browser.js'
import { type Endpoint, listen } from '../wire/endpoint.js'
import type { HubCalls } from '../wire/hub-calls.js'
import type { Welcome } from '../wire/protocol.js'
import { createCaller } from './caller.js'

function setUp(
  calls: Partial<Record<keyof HubCalls, (...parameters: never[]) => unknown>>,
  [tab, hub]: readonly [Endpoint, Endpoint] = pipe(),
) {
  expose(calls, hub as Parameters<typeof expose>[1])
  const caller = createCaller(tab)
  listen(tab, caller.receive)
  return { caller, tab, hub }
}
function pipe() {
  const { port1, port2 } = createPipe()
  return [port1, port2] as const
}

describe('calls to what Comlink exposes', () => {
  it.each([
    ['a pipe in memory', () => pipe()],
    [
      'a real MessageChannel',
      () => {
        const { port1, port2 } = new MessageChannel()
        return [port1, port2] as const
      },
    ],
  ])('over %s: parameters and answers cross, in any order, promises too', async (_what, open) => {
    const seen: unknown[] = []
    let release: (welcome: Welcome) => void = () => undefined
    const { caller, tab, hub } = setUp(
      {
        attach: (hello: unknown) => {
          seen.push(hello)
          return new Promise<Welcome>((resolve) => {
            release = resolve
          })
        },
        ping: () => true,
        subscribe: (events: unknown) => void seen.push(events),
      },
      open(),
    )
    const hello = { protocol: 1, deep: { list: [1, 'two', null] } }
    const welcome = caller.call('attach', hello as never)
    expect(await caller.call('ping')).toBe(true)
    expect(await caller.call('subscribe', ['a', 'b'])).toBeUndefined()
    release({ ok: false, code: 'standby', message: 'x' })
    expect(await welcome).toEqual({ ok: false, code: 'standby', message: 'x' })
    expect(seen).toEqual([hello, ['a', 'b']])
    for (const end of [tab, hub]) end.close()
  })

  it('a call that throws rejects with its message; anything else but an answer is ignored', async () => {
    const { caller, hub } = setUp({
      ping: () => {
        throw new TypeError('the hub is ill')
      },
      nudge: () => Promise.reject(new Error('later')),
    })
    const answer = caller.call('ping')
    for (const noise of [null, 7, {}, { kind: 'state' }, { id: 'call-9', type: 'RAW' }]) hub.postMessage(noise)
    await expect(answer).rejects.toThrow('the hub is ill')
    await expect(caller.call('nudge', 'online')).rejects.toThrow('later')
    // It does not exist: Comlink has a message of its own for that.
    await expect(caller.call('signOut')).rejects.toThrow()
  })
})
