import { describe, expect, it } from 'vitest'
import { createLadder } from './ladder.js'
import { HubTimeoutError, OwnerChangedError, RefusedError } from './link-errors.js'
import { NotSupportedError, type Rung } from './rungs.js'

const rung = (host: Rung['host'], tries?: number): Rung => ({
  host,
  ...(tries !== undefined && { tries }),
  open: () => Promise.reject(new Error('not here')),
})
const timeout = (at = rung('leader-tab')) => new HubTimeoutError(at, 1)

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
  timeout(),
  new OwnerChangedError('x'),
  new Error('the owner does not answer'),
  new DOMException('stolen', 'AbortError'),
])('does not leave the election for a failure that may pass: %s', (thrown) => {
  const { ladder, reported } = setUp('leader-tab', 'this-tab')
  for (let round = 0; round < 3; round++) {
    const outcomes = [1, 2, 3, 4].map(() => ladder.failed(thrown))
    expect(outcomes).toEqual(['retry', 'retry', 'retry', 'rest'])
  }
  expect(ladder.rung?.host).toBe('leader-tab')
  expect(ladder.steps).toEqual([])
  expect(reported).toEqual(['host-failed', 'host-failed', 'host-failed'])
})

it('counts from 0 after a leader that welcomed the tab', () => {
  const { ladder } = setUp('leader-tab', 'this-tab')
  for (let round = 0; round < 9; round++) {
    expect(ladder.failed(timeout())).toBe('retry')
    if (round % 3 === 2) ladder.resetFailures()
  }
})

it('leaves the election where there is no channel, or the leader belongs to another app', () => {
  const final = [
    new NotSupportedError('no channel'),
    new RefusedError({ ok: false, code: 'wrong-hub', message: 'x' }),
    new RefusedError({ ok: false, code: 'protocol-mismatch', message: 'x' }),
    new RefusedError({ ok: false, code: 'unknown-transport', message: 'x' }),
  ]
  for (const thrown of final) {
    const { ladder } = setUp('leader-tab', 'this-tab')
    expect(ladder.failed(thrown)).toBe('next')
    expect(ladder.rung?.host).toBe('this-tab')
  }
})

it('reports what the browser threw as a cause, and no error of its own', () => {
  const causes: unknown[] = []
  const refusal = new TypeError('a policy forbids it')
  for (const thrown of [refusal, new OwnerChangedError('the script is missing'), timeout()]) {
    const ladder = createLadder(
      [rung('shared-worker'), rung('leader-tab')],
      () => 0,
      (_code, _message, options) => causes.push(options?.cause),
    )
    ladder.failed(thrown)
  }
  expect(causes).toEqual([refusal, undefined, undefined])
})

describe('a worker', () => {
  const worker = rung('shared-worker', 2)
  const make = () =>
    createLadder(
      [worker, rung('leader-tab')],
      () => 0,
      () => undefined,
    )

  it.each([new OwnerChangedError('x'), new Error('no script'), timeout()])(
    'is left at the first failure: %s',
    (thrown) => {
      const ladder = make()
      expect(ladder.failed(thrown)).toBe('next')
      expect(ladder.rung?.host).toBe('leader-tab')
    },
  )

  it('is tried over another port when it does not answer, and left when it does not answer there either', () => {
    const ladder = make()
    expect(ladder.failed(timeout(worker))).toBe('retry')
    ladder.resetFailures()
    expect(ladder.failed(timeout(worker))).toBe('retry')
    expect(ladder.rung).toBe(worker)
    expect(ladder.failed(timeout(worker))).toBe('next')
    expect(ladder.rung?.host).toBe('leader-tab')
  })
})
