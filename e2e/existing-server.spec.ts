/** A server that sends as it always did: one event with the others inside, bare ids, several arguments. */
import { data, errorCodes, expect, openConnected, test } from './app-fixtures.js'

for (const host of ['shared-worker', 'leader-tab'])
  test(`every tab hears what is inside, over one connection (${host})`, async ({ context, server }) => {
    const parameters = { user: 'ann', envelope: 1, host }
    const pages = [
      await openConnected(context, server, parameters),
      await openConnected(context, server, parameters),
      await openConnected(context, server, parameters),
    ]
    expect(server.users()).toEqual(['ann'])

    server.value = 'second'
    server.emit('data', { type: 'changed', action: 'add' })
    for (const page of pages) await expect.poll(() => data(page)).toBe('second')

    server.emit('data', { type: 'told', payload: { to: 'ann' } })
    server.emit('data', { type: 'told', payload: '7' })
    server.emit('told', ['7'])
    server.emit('told', '7', { from: 'a' })
    const heard = [{ to: 'ann' }, { value: '7' }, { value: ['7'] }, { args: ['7', { from: 'a' }] }]
    for (const page of pages) {
      await expect.poll(() => page.evaluate(() => window.app.heard)).toEqual(heard)
      expect(await errorCodes(page)).toEqual([])
    }

    server.value = 'third'
    server.emit('data', { kind: 'changed' })
    for (const page of pages) await expect.poll(() => data(page)).toBe('third')
    const codes = (await Promise.all(pages.map(errorCodes))).flat()
    expect(codes).toEqual(['bad-frame'])
  })

test('tabs of two readings of the wire are both told', async ({ context, server }) => {
  const before = await openConnected(context, server, { user: 'ann' })
  const after = await openConnected(context, server, { user: 'ann', envelope: 1 })
  expect(server.users()).toEqual(['ann', 'ann'])
  server.value = 'second'
  server.emit('data', { type: 'changed' })
  server.emit('changed')
  for (const page of [before, after]) await expect.poll(() => data(page)).toBe('second')
})
