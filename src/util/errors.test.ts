import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createErrors, type PartylineError } from './errors.js'

let warn: ReturnType<typeof vi.spyOn>
beforeEach(() => {
  warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
})
afterEach(() => void vi.useRealTimers())

const codes = (list: readonly PartylineError[]) => list.map(({ code }) => code)

it('the option hears first, then the others in the order in which they came; the kept ones come first', () => {
  const log: string[] = []
  let now = 5
  const errors = createErrors(
    ({ code }) => log.push(`option ${code}`),
    () => now,
  )
  errors.report('bad-option', 'one')
  const stop = errors.add(({ code, at }) => log.push(`first ${code} ${at}`))
  now = 6
  errors.add(({ code }) => log.push(`second ${code}`))
  errors.report('no-host', 'two')
  expect(log).toEqual([
    'option bad-option',
    'first bad-option 5',
    'second bad-option',
    'option no-host',
    'first no-host 6',
    'second no-host',
  ])
  stop()
  errors.report('no-host', 'three')
  expect(log.slice(6)).toEqual(['option no-host', 'second no-host'])
  expect(warn).not.toHaveBeenCalled()
})

it('keeps the last 50, until they are somebody else’s', () => {
  const errors = createErrors(undefined, () => 1)
  for (let count = 1; count <= 60; count++) errors.report('bad-topic', String(count))
  const heard: string[] = []
  errors.add(({ message }) => heard.push(message))
  expect([heard.length, heard[0], heard.at(-1)]).toEqual([50, '11', '60'])
  errors.forget()
  errors.add(() => expect.fail('they are gone'))
})

it('warns without listeners, once per code and subject, whatever a tap hears; not while somebody listens', () => {
  const tapped: PartylineError[] = []
  const errors = createErrors(undefined, () => 1)
  errors.tap((error) => tapped.push(error))
  errors.report('rule-failed', 'one', { detail: { event: 'a' } })
  errors.report('rule-failed', 'one again', { detail: { event: 'a' } })
  errors.report('rule-failed', 'two', { detail: { event: 'b' } })
  const stop = errors.add(() => undefined)
  errors.report('rule-failed', 'three', { detail: { event: 'c' } })
  stop()
  errors.report('rule-failed', 'four', { detail: { event: 'd' } })
  expect(warn.mock.calls.flat()).toEqual(
    ['one', 'two', 'four'].map((text) => `[partyline] rule-failed: ${text} (docs/errors.md#rule-failed)`),
  )
  expect(codes(tapped)).toHaveLength(5)
})

it('a listener that throws harms nobody: its error is thrown in a task of its own', async () => {
  const thrown: unknown[] = []
  const onUncaught = (error: unknown) => thrown.push(error)
  const before = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', onUncaught)
  const heard: string[] = []
  const errors = createErrors(
    () => {
      throw new Error('broken')
    },
    () => 1,
  )
  errors.add(({ code }) => heard.push(code))
  errors.report('no-host', 'one')
  expect(heard).toEqual(['no-host'])
  await new Promise((resolve) => setTimeout(resolve, 5))
  process.off('unhandledRejection', onUncaught)
  for (const listener of before) process.on('unhandledRejection', listener)
  expect(thrown).toEqual([new Error('broken')])
})

it('a listener that stops another one, or itself, while it is called', () => {
  const errors = createErrors(undefined, () => 1)
  const heard: string[] = []
  const stop = errors.add(() => {
    heard.push('once')
    stop()
  })
  errors.add(() => heard.push('each'))
  errors.report('no-host', 'one')
  errors.report('no-host', 'two')
  expect(heard).toEqual(['once', 'each', 'each'])
})
