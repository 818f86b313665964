import { describe, expect, it } from 'vitest'
import { HubTimeoutError, OwnerChangedError, RefusedError } from './attachment.js'
import { createLadder } from './ladder.js'
import { NotSupportedError, type Rung } from './rung.js'

const rung = (host: Rung['host'], tries?: number): Rung => ({
  host,
  ...(tries !== undefined && { tries }),
  open: () => Promise.reject(new Error('not here')),
})
const silent = (at = rung('leader-tab')) => new HubTimeoutError(at, 1)

function setUp(...hosts: Rung['host'][]) {
  const reported: string[] = []
  const ladder = createLadder(
    hosts.map((host) => rung(host)),
    () => 0,
    (code) => reported.push(code),
  )
  return { ladder, reported }
}

it.each([
  silent(),
  new OwnerChangedError('x'),
  new Error('the owner does not answer'),
  new DOMException('stolen', 'AbortError'),
])('leaves the election for nothing that may pass: %s', (thrown) => {
  const { ladder, reported } = setUp('leader-tab', 'this-tab')
  for (let round = 0; round < 3; round++) {
    const verdicts = [1, 2, 3, 4].map(() => ladder.failed(thrown))
    expect(verdicts).toEqual(['again', 'again', 'again', 'rest'])
  }
  expect(ladder.rung?.host).toBe('leader-tab')
  expect(ladder.steps).toEqual([])
  expect(reported).toEqual(['host-failed', 'host-failed', 'host-failed'])
})

it('counts anew after a leader that served', () => {
  const { ladder } = setUp('leader-tab', 'this-tab')
  for (let round = 0; round < 9; round++) {
    expect(ladder.failed(silent())).toBe('again')
    if (round % 3 === 2) ladder.forgive()
  }
})

it('leaves it where there is no channel, or the leader is of another kind', () => {
  const final = [
    new NotSupportedError('no channel'),
    new RefusedError({ ok: false, code: 'wrong-hub', message: 'x' }),
    new RefusedError({ ok: false, code: 'protocol-mismatch', message: 'x' }),
  ]
  for (const thrown of final) {
    const { ladder } = setUp('leader-tab', 'this-tab')
    expect(ladder.failed(thrown)).toBe('next')
    expect(ladder.rung?.host).toBe('this-tab')
  }
})

describe('a worker', () => {
  const worker = rung('shared-worker', 2)
  const make = () =>
    createLadder(
      [worker, rung('leader-tab')],
      () => 0,
      () => undefined,
    )

  it.each([new OwnerChangedError('x'), new Error('no script'), silent()])(
    'is left at the first failure: %s',
    (thrown) => {
      const ladder = make()
      expect(ladder.failed(thrown)).toBe('next')
      expect(ladder.rung?.host).toBe('leader-tab')
    },
  )

  it('is tried over another port when it says nothing, and left when it says nothing there either', () => {
    const ladder = make()
    expect(ladder.failed(silent(worker))).toBe('again')
    ladder.forgive()
    expect(ladder.failed(silent(worker))).toBe('again')
    expect(ladder.rung).toBe(worker)
    expect(ladder.failed(silent(worker))).toBe('next')
    expect(ladder.rung?.host).toBe('leader-tab')
  })
})
