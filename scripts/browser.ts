/** Finds a Chromium for the tests: Playwright's own, else the system's, else installs one, else says what to do. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium } from 'playwright'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome', 'microsoft-edge']
const PLACES = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

/** `executablePath` for Playwright; undefined within `found` means its own browser. */
export function findBrowser(): { readonly found: boolean; readonly executablePath?: string } {
  const wanted = process.env['CHROMIUM_PATH']
  if (wanted) return { found: existsSync(wanted), executablePath: wanted }
  if (existsSync(chromium.executablePath())) return { found: true }
  const onPath = (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
  const executablePath = [...onPath, ...PLACES].find((path) => existsSync(path))
  return executablePath ? { found: true, executablePath } : { found: false }
}

/** Without root, Playwright would ask for a password to install what the browser depends on. */
const isRoot = process.getuid?.() === 0

/** Flags for a browser in a test: no calls home; as root (containers) there is no sandbox to be had. */
export const BROWSER_ARGS = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--disable-quic',
  ...(isRoot ? ['--no-sandbox'] : []),
]

function run(command: string, args: readonly string[]): boolean {
  console.log(`> ${command} ${args.join(' ')}`)
  return spawnSync(command, args, { stdio: 'inherit' }).status === 0
}

export function ensureBrowser(): boolean {
  if (findBrowser().found) return true
  console.log('No Chromium found; installing one.')
  if (
    run('npx', ['playwright', 'install', ...(isRoot ? ['--with-deps'] : []), 'chromium-headless-shell', 'chromium']) &&
    findBrowser().found
  )
    return true
  if (isRoot && existsSync('/etc/debian_version')) {
    if (
      run('apt-get', ['update', '-q']) &&
      run('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'chromium'])
    ) {
      if (findBrowser().found) return true
    }
  }
  console.error(
    'No browser for the end-to-end tests: run `npx playwright install chromium`, or `apt-get install chromium` as root, or set CHROMIUM_PATH.',
  )
  return false
}

if (process.argv[1]?.endsWith('browser.ts')) {
  if (!ensureBrowser()) process.exit(1)
  const { executablePath } = findBrowser()
  console.log(
    executablePath
      ? execFileSync(executablePath, ['--version'], { encoding: 'utf8' }).trim()
      : "Playwright's own Chromium",
  )
}
