import { setTimeout as sleep } from 'node:timers/promises'
import { BACKENDS, OWN_TRANSPORTS } from '../scripts/backends.js'
import { atRest, expect, type Page, shows, status, test } from './backends.js'
import { KILLS, printRow, TABS, writeSteadily } from './writes.js'

// The table of docs/backends.md: `npm run backends` prints it with 20 tabs. Every run has few, and holds what it says.

const WRITES_PER_S = 50

for (const backend of process.env['BACKEND_TABS'] ? [...BACKENDS, ...OWN_TRANSPORTS] : BACKENDS) {
  const { name, transport } = backend
  test(`${name} (${transport}): one connection, and killed under ${WRITES_PER_S} writes a second, all tabs are equal after it`, async ({
    read,
  }) => {
    test.setTimeout(600_000)
    const { reader, running } = await read(backend)
    const { front } = reader
    await reader.signIn('ann')
    const pages: Page[] = []
    for (let tab = 0; tab < TABS; tab++) pages.push(await reader.open())
    for (const page of pages) await atRest(page)
    expect({ open: front.open, opened: front.opened }).toEqual({ open: 1, opened: 1 })

    front.takeFetches()
    await reader.request('PUT', 'note', { text: 'one event' })
    await shows(pages, 'note', 'one event')
    for (const page of pages) await atRest(page)
    const fetches = front.takeFetches().length
    expect(fetches).toBe(TABS)

    const writes = writeSteadily(WRITES_PER_S, (nth) => reader.request('PUT', 'note', { text: `write ${nth}` }))
    for (let kill = 0; kill < KILLS; kill++) {
      await sleep(1_000)
      await running.kill()
      for (const page of pages) await expect.poll(async () => (await status(page)).name).not.toBe('connected')
      await running.restart()
      for (const page of pages) await expect.poll(async () => (await status(page)).name).toBe('connected')
    }
    const { written, tried } = await writes.stop()
    const { text } = await reader.request('GET', 'note')
    await shows(pages, 'note', text)
    for (const page of pages) await atRest(page)
    expect(front.open).toBe(1)
    printRow(name, transport, TABS, front.open, fetches, `${written} of ${tried}`, 'all equal')
  })
}
