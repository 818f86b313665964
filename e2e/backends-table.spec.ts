import { setTimeout as sleep } from 'node:timers/promises'
import { BACKENDS, OWN_TRANSPORTS } from '../scripts/backends.js'
import { atRest, expect, type Page, shows, status, test } from './backends.js'

// Too long for every run: `BACKEND_TABS=20 npx playwright test e2e/backends-table.spec.ts` prints a row for each backend.

const TABS = Number(process.env['BACKEND_TABS'] ?? 0)
/** Fewer on a machine that has more to do. */
const WRITES_PER_S = 50
const KILLS = 3

for (const backend of TABS > 0 ? [...BACKENDS, ...OWN_TRANSPORTS] : []) {
  test(`${backend.name} (${backend.transport}): ${TABS} tabs, killed ${KILLS} times while notes are written`, async ({
    read,
  }) => {
    test.setTimeout(600_000)
    const { reader, running } = await read(backend)
    const { front } = reader
    await reader.signIn('ann')
    const pages: Page[] = []
    for (let tab = 0; tab < TABS; tab++) pages.push(await reader.open())
    for (const page of pages) await atRest(page)
    expect(front.opened).toBe(1)

    front.takeFetches()
    await reader.request('PUT', 'note', { text: 'one event' })
    await shows(pages, 'note', 'one event')
    for (const page of pages) await atRest(page)
    const fetches = front.takeFetches().length

    let isFeeding = true
    let written = 0
    const feed = (async () => {
      while (isFeeding) {
        await reader.request('PUT', 'note', { text: `write ${written}` }).then(
          () => written++,
          () => undefined,
        )
        await sleep(1_000 / WRITES_PER_S)
      }
    })()
    for (let kill = 0; kill < KILLS; kill++) {
      await sleep(1_000)
      await running.kill()
      for (const page of pages) await expect.poll(async () => (await status(page)).name).not.toBe('connected')
      await running.restart()
      for (const page of pages) await expect.poll(async () => (await status(page)).name).toBe('connected')
    }
    isFeeding = false
    await feed
    const { text } = await reader.request('GET', 'note')
    await shows(pages, 'note', text)
    for (const page of pages) await atRest(page)
    expect(front.open).toBe(1)
    console.log(
      `${backend.name} (${backend.transport}): ${TABS} tabs, 1 socket, ${fetches} fetches for an event, ${written} writes, all equal`,
    )
  })
}
