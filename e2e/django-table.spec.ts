import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openFront } from './backends.js'
import { atRest, become, expect, shows, test } from './django.js'
import { KILLS, printRow, TABS, writeSteadily } from './writes.js'

// Django's row of the table in docs/backends.md, as in backends-table.spec.ts: its page and its events are its own.

const WRITES_PER_S = 50
const PAGE = fileURLToPath(new URL('../examples/django/page/dist', import.meta.url))

test(`django (websocket): one connection, and killed under ${WRITES_PER_S} payments a second, all tabs are equal after it`, async ({
  open,
  visit,
}) => {
  test.setTimeout(600_000)
  let daphne = await open({ DJANGO_DEBUG: '0', DJANGO_SECRET_KEY: 'of this test' })
  const front = await openFront(PAGE, daphne.port)
  try {
    const ann = await visit({ ...daphne, url: front.url }, 'ann')
    const pages = await ann.openTabs(TABS)
    expect({ open: front.open, opened: front.opened }).toEqual({ open: 1, opened: 1 })

    front.takeFetches()
    await ann.pay(100, 'Corner Bakery')
    await shows(pages, ann)
    for (const page of pages) await atRest(page)
    // A payment is two events, each for a query of its own. One fetch more is the test's own.
    const fetches = front.takeFetches().length - 1
    expect(fetches).toBe(2 * TABS)

    const writes = writeSteadily(WRITES_PER_S, () => ann.pay(1, 'Feed'))
    for (let kill = 0; kill < KILLS; kill++) {
      await sleep(1_000)
      await daphne.kill()
      await become(pages, 'disconnected')
      daphne = await open({ DJANGO_DEBUG: '0', DJANGO_SECRET_KEY: 'of this test' }, daphne.port)
      await become(pages, 'connected')
    }
    const { written, tried } = await writes.stop()
    await shows(pages, ann)
    for (const page of pages) await atRest(page)
    expect(front.open).toBe(1)
    printRow('django', 'websocket', TABS, front.open, fetches, `${written} of ${tried}`, 'all equal')
  } finally {
    front.close()
  }
})
