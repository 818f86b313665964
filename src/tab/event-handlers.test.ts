import { expect, it } from 'vitest'
import { createEventHandlers } from './event-handlers.js'

it('a handler hears nothing that is older than its subscription, and all that came since', () => {
  let monotonic = 0
  const handlers = createEventHandlers(
    (code) => expect.fail(code),
    () => monotonic,
    () => undefined,
  )
  const heard: string[] = []
  const listen = (who: string) => handlers.add('note', ({ n }: { n: number }) => heard.push(`${who} ${n}`))
  const noRules = new Map<string, never>()
  monotonic = 1_000
  listen('first')
  monotonic = 2_000
  listen('second')
  monotonic = 3_000
  const sentAgain = [1, 2, 3].map((n) => ['note', { n }] as const)
  handlers.deliver(sentAgain, noRules, [2_500, 1_500, 500])
  expect(heard).toEqual(['first 2', 'first 3', 'second 3'])
  heard.length = 0
  handlers.deliver([['note', { n: 4 }]], noRules)
  expect(heard).toEqual(['first 4', 'second 4'])
})
