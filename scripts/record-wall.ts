/**
 * `npm run record`: the wall as a browser shows it for 12 s, for the README. Writes `docs/wall.webp`, an animation that an `<img>`
 * plays, and `docs/wall.png`, a still for those who want no motion.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { chromium, type Page } from 'playwright'
import { startDemo } from '../demo/server/server.js'
import { BROWSER_ARGS, ensureBrowser, findBrowser } from './browser.js'
import { ensureProgram } from './service.js'

const LENGTH_MS = 12_000
/** Eight frames a second: a dot's way is still a way, and the file stays small. */
const FRAME_MS = 125
const MAX_BYTES = 2_000_000
const QUALITIES = [75, 60, 45, 30]
const SIZE = { width: 1280, height: 884 }

const fileIn = (name: string) => fileURLToPath(new URL(`../docs/${name}`, import.meta.url))

interface Frame {
  readonly file: string
  /** By the browser's clock. */
  readonly atMs: number
}

/** What the page shows, until the time is over. A page that stands still gives no frames: the last one lasts on. */
async function record(page: Page, folder: string): Promise<Frame[]> {
  const frames: Frame[] = []
  const session = await page.context().newCDPSession(page)
  session.on('Page.screencastFrame', ({ data, metadata, sessionId }) => {
    const file = join(folder, `${String(frames.length).padStart(4, '0')}.png`)
    writeFileSync(file, Buffer.from(data, 'base64'))
    frames.push({ file, atMs: (metadata.timestamp ?? Date.now() / 1_000) * 1_000 })
    // The next frame comes when this one is acknowledged.
    setTimeout(() => void session.send('Page.screencastFrameAck', { sessionId }).catch(() => undefined), FRAME_MS)
  })
  await session.send('Page.startScreencast', { format: 'png', maxWidth: SIZE.width, maxHeight: SIZE.height })
  await sleep(LENGTH_MS)
  await session.send('Page.stopScreencast')
  return [...frames]
}

/** Each frame lasts until the next one was drawn. */
function encode(frames: readonly Frame[], quality: number): number {
  const file = fileIn('wall.webp')
  const end = (frames[0]?.atMs ?? 0) + LENGTH_MS
  const parts = frames.flatMap(({ file: frame, atMs }, index) => {
    const lengthMs = Math.max(1, Math.round((frames[index + 1]?.atMs ?? end) - atMs))
    return ['-lossy', '-q', String(quality), '-m', '4', '-d', String(lengthMs), frame]
  })
  execFileSync(img2webp, ['-loop', '0', '-min_size', '-o', file, ...parts], { stdio: ['ignore', 'ignore', 'inherit'] })
  return statSync(file).size
}

const img2webp = ensureProgram('img2webp', 'webp')
if (!ensureBrowser()) process.exit(1)
const { executablePath } = findBrowser()
const folder = mkdtempSync(join(tmpdir(), 'partyline-wall-'))
const demo = await startDemo()
const browser = await chromium.launch({ args: BROWSER_ARGS, ...(executablePath && { executablePath }) })
try {
  const page = await browser.newPage({ viewport: SIZE, colorScheme: 'light' })
  await page.goto(demo.url)
  // Everything is there; the burst comes 8 s from here.
  for (const half of ['left', 'right']) await page.locator(`[data-half=${half}] [data-tone=good]`).waitFor()
  const frames = await record(page, folder)
  await page.screenshot({ path: fileIn('wall.png') })
  let bytes = Number.POSITIVE_INFINITY
  for (const quality of QUALITIES) {
    bytes = encode(frames, quality)
    console.log(`docs/wall.webp: ${frames.length} frames, quality ${quality}, ${Math.round(bytes / 1_000)} kB`)
    if (bytes <= MAX_BYTES) break
  }
  if (bytes > MAX_BYTES) throw new Error('The recording is too large.')
} finally {
  await browser.close()
  await demo.close()
  rmSync(folder, { recursive: true })
}
