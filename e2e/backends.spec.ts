import { BACKENDS, OWN_TRANSPORTS } from '../scripts/backends.js'
import { atRest, expect, shows, status, test } from './backends.js'

// The small backends of examples/ in real tabs: one page (examples/page) for all of them.

for (const backend of [...BACKENDS, ...OWN_TRANSPORTS]) {
  test(`${backend.name} (${backend.transport}): three tabs, one connection, and an event is in all of them`, async ({
    read,
  }) => {
    const { reader, running } = await read(backend)
    const { front } = reader
    await reader.signIn('ann')
    const pages = [await reader.open(), await reader.open(), await reader.open()]
    for (const page of pages) await atRest(page)
    expect({ open: front.open, opened: front.opened }).toEqual({ open: 1, opened: 1 })

    // By no tab: each has to fetch once, and nothing else.
    front.takeFetches()
    await reader.request('PUT', 'note', { text: 'from elsewhere' })
    await shows(pages, 'note', 'from elsewhere')
    await reader.request('PUT', 'board', { text: 'for all' })
    await shows(pages, 'board', 'for all')
    for (const page of pages) await atRest(page)
    expect(front.takeFetches()).toEqual([...Array(3).fill('/api/board'), ...Array(3).fill('/api/note')])

    // By a tab: that one knows the event as its own.
    await pages[0]?.locator('#note').fill('from a tab')
    await pages[0]?.locator('#note').blur()
    await shows(pages, 'note', 'from a tab')
    for (const page of pages) await atRest(page)
    expect(front.takeFetches()).toEqual(Array(2).fill('/api/note'))

    // A short break, in which nothing was sent to the user: the server says so, by its log or by Socket.IO's own recovery.
    front.cut()
    await expect.poll(() => front.opened).toBeGreaterThan(1)
    for (const page of pages) await atRest(page)
    await reader.request('PUT', 'note', { text: 'after the break' })
    await shows(pages, 'note', 'after the break')
    for (const page of pages) await atRest(page)
    // Without either, the break is a gap: each tab has fetched for that, too.
    const isGapless = backend.replays || backend.transport === 'socket.io'
    if (isGapless) expect(front.takeFetches().filter((path) => path === '/api/note')).toHaveLength(3)

    await running.kill()
    for (const page of pages) await expect.poll(async () => (await status(page)).name).not.toBe('connected')
    // No event tells of this one.
    running.change((data) => ({ ...data, notes: { ann: 'while it was away' }, board: 'this one, too' }))
    await running.restart()
    await shows(pages, 'note', 'while it was away')
    await shows(pages, 'board', 'this one, too')
    for (const page of pages) await atRest(page)
    expect(front.open).toBe(1)

    // A sign-out that no tab knows of.
    await reader.request('DELETE', 'session')
    if (backend.endsLate) front.cut()
    await expect.poll(() => front.open).toBe(0)
    for (const page of pages) await expect.poll(async () => (await status(page)).name).not.toBe('connected')
  })

  test(`${backend.name} (${backend.transport}): a tab of another user than the cookie's hears nothing`, async ({
    read,
  }) => {
    const { reader } = await read(backend)
    await reader.signIn('bob')
    const page = await reader.open({ as: 'ann' })
    await expect.poll(async () => (await status(page)).name).toBe('wrong-identity')
    const bobs = await reader.open()
    await atRest(bobs)
    await reader.request('PUT', 'note', { text: 'Bob’s' })
    await shows([bobs], 'note', 'Bob’s')
    expect(await page.evaluate(() => window.notes.receipts.flatMap(({ events }) => events))).toEqual([])
  })
}

for (const backend of OWN_TRANSPORTS) {
  test(`${backend.name}: its worker is the hub, and without SharedWorker a leader tab is`, async ({ read }) => {
    const { reader } = await read(backend)
    await reader.signIn('ann')
    for (const host of ['shared-worker', 'leader-tab']) {
      const pages = [await reader.open({ host }), await reader.open({ host }), await reader.open({ host })]
      for (const page of pages) await atRest(page)
      for (const page of pages) expect((await status(page)).host).toBe(host)
      expect(reader.front.open).toBe(1)
      await reader.request('PUT', 'note', { text: `by a ${host}` })
      await shows(pages, 'note', `by a ${host}`)
      const codes = await pages[0]?.evaluate(() => window.notes.errors.map(({ code }) => code))
      for (const code of ['unknown-transport', 'host-failed']) expect(codes).not.toContain(code)
      for (const page of pages) await page.close()
      await expect.poll(() => reader.front.open).toBe(0)
    }
  })
}
