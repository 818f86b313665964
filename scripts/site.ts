/** The site of docs/, built and served as a host of static files would, and measured by Lighthouse. It is a package of its own. */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { chromium } from 'playwright'
import { fetchWith } from './backends.js'
import { BROWSER_ARGS, findBrowser } from './browser.js'

const DOCS = fileURLToPath(new URL('../docs', import.meta.url))

/** Fetches what docs/package-lock.json names, unless that is there. Throws `Missing` if it can't be had. */
export function ensureSite(): void {
  const [installed, wanted] = [join(DOCS, 'node_modules/.package-lock.json'), join(DOCS, 'package-lock.json')]
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) return
  console.log('Installing the site.')
  fetchWith(DOCS, 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
}

/** Throws what the build says if it fails, as it does for a link between pages that is dead. */
export async function buildSite(): Promise<{ readonly folder: string; remove(): void }> {
  ensureSite()
  const folder = mkdtempSync(join(tmpdir(), 'partyline-site-'))
  const run = promisify(execFile)
  await run('npm', ['run', 'api'], { cwd: DOCS })
  await run('npx', ['vitepress', 'build', '.', '--outDir', folder], { cwd: DOCS })
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
}

/** The file for a path of the site, as with `cleanUrls`. */
export function fileOf(folder: string, path: string): string | undefined {
  const files = [path, `${path}.html`, `${path}/index.html`].map((name) => join(folder, name))
  return files.find((file) => statSync(file, { throwIfNoEntry: false })?.isFile())
}

export async function serveSite(folder: string): Promise<{ readonly url: string; close(): void }> {
  const server = createServer((request, response) => {
    const found = fileOf(folder, decodeURIComponent(new URL(request.url ?? '/', 'http://site').pathname))
    const file = found ?? join(folder, '404.html')
    response.writeHead(found ? 200 : 404, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' })
    response.end(readFileSync(file))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** Lighthouse's figure for accessibility, 0 to 100, and the audits that are not passed. */
export async function measureAccessibility(
  url: string,
): Promise<{ readonly score: number; readonly failed: string[] }> {
  const { executablePath = chromium.executablePath() } = findBrowser()
  const flags = ['--headless=new', ...BROWSER_ARGS].join(' ')
  const args = [url, '--only-categories=accessibility', '--output=json', '--quiet', `--chrome-flags=${flags}`]
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(DOCS, 'node_modules/lighthouse/cli/index.js'), ...args],
    { env: { ...process.env, CHROME_PATH: executablePath }, maxBuffer: 50_000_000 },
  )
  const { categories, audits } = JSON.parse(stdout) as {
    categories: { accessibility: { score: number } }
    audits: Record<string, { id: string; score: number | null }>
  }
  const failed = Object.values(audits).filter(({ score }) => score !== null && score < 1)
  return { score: categories.accessibility.score * 100, failed: failed.map(({ id }) => id) }
}
