/**
 * Finds Firefox and WebKit for the cross-browser smoke test (vitest.browsers.config.ts). As root on Debian it installs
 * what is missing; elsewhere it says in one line what that is.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export interface Firefox {
  readonly executablePath: string
  readonly version: string
}
/** WebKitGTK: its WebDriver, the small browser that the driver starts, and a screen for it. */
export interface WebKit {
  readonly driver: string
  readonly miniBrowser: string
  /** Undefined where a real display is used. */
  readonly xvfb: string | undefined
}
/** Why there is no such browser, in one line. */
export interface Missing {
  readonly missing: string
}
export interface Browsers {
  readonly firefox: Firefox | Missing
  readonly webkit: WebKit | Missing
}

const FIREFOX_PLACES = ['/Applications/Firefox.app/Contents/MacOS/firefox']
/** MiniBrowser is on no PATH; each distribution has a folder of its own for it. */
const MINI_BROWSER_ROOTS = ['/usr/libexec', '/usr/lib64', '/usr/lib', ...foldersOf('/usr/lib')]
/** Of the two builds that may stand side by side, the one that Debian's driver belongs to comes first. */
const MINI_BROWSER_BUILDS = ['webkit2gtk-4.1', 'webkitgtk-6.0']

function foldersOf(path: string): string[] {
  return existsSync(path)
    ? readdirSync(path, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => join(path, entry.name))
    : []
}

/** The first that exists: the path that the environment names, if it names one, else one of the names on the PATH, else one of the places. */
function find(variable: string, names: readonly string[], places: readonly string[] = []): string | undefined {
  const wanted = process.env[variable]
  if (wanted) return existsSync(wanted) ? wanted : undefined
  const onPath = (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => names.map((name) => join(folder, name)))
  return [...onPath, ...places].find((path) => existsSync(path))
}

function findFirefox(): Firefox | Missing {
  const executablePath = find('FIREFOX_PATH', ['firefox', 'firefox-esr'], FIREFOX_PLACES)
  if (!executablePath) return { missing: 'no Firefox: install it (Debian: firefox-esr), or set FIREFOX_PATH' }
  try {
    const version = execFileSync(executablePath, ['--version'], { encoding: 'utf8', timeout: 30_000 }).trim()
    return { executablePath, version }
  } catch {
    return { missing: `${executablePath} does not start` }
  }
}

function findWebKit(): WebKit | Missing {
  const driver = find('WEBKIT_DRIVER_PATH', ['WebKitWebDriver'])
  const miniBrowser = find(
    'MINI_BROWSER_PATH',
    [],
    MINI_BROWSER_BUILDS.flatMap((build) => MINI_BROWSER_ROOTS.map((root) => join(root, build, 'MiniBrowser'))),
  )
  const xvfb = find('XVFB_PATH', ['Xvfb'])
  const screen = xvfb !== undefined || process.env['DISPLAY'] !== undefined
  if (driver && miniBrowser && screen) return { driver, miniBrowser, xvfb }
  const lacking = [!driver && 'WebKitWebDriver', !miniBrowser && 'MiniBrowser', !screen && 'Xvfb'].filter(Boolean)
  return { missing: `no ${lacking.join(', no ')}: install WebKitGTK's driver (Debian: webkit2gtk-driver xvfb)` }
}

export const isMissing = (browser: object): browser is Missing => 'missing' in browser

const findBrowsers = (): Browsers => ({ firefox: findFirefox(), webkit: findWebKit() })

function aptInstall(packages: readonly string[]): boolean {
  const run = (...args: string[]) => {
    console.log(`> apt-get ${args.join(' ')}`)
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    return spawnSync('apt-get', args, { stdio: 'inherit', env }).status === 0
  }
  return run('update', '-q') && run('install', '-y', '-q', '--no-install-recommends', ...packages)
}

/** Both browsers, installed if need be and if possible. Never throws: what is missing says why. */
export function ensureBrowsers(): Browsers {
  const found = findBrowsers()
  const packages = [
    ...(isMissing(found.firefox) ? ['firefox-esr'] : []),
    ...(isMissing(found.webkit) ? ['webkit2gtk-driver', 'xvfb'] : []),
  ]
  if (packages.length === 0) return found
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return found
  if (aptInstall(packages)) return findBrowsers()
  const tried = <B extends object>(browser: B | Missing) =>
    isMissing(browser) ? { missing: `${browser.missing}; apt-get could not install it` } : browser
  return { firefox: tried(found.firefox), webkit: tried(found.webkit) }
}

if (process.argv[1]?.endsWith('browsers.ts')) {
  const { firefox, webkit } = ensureBrowsers()
  console.log(`Firefox: ${isMissing(firefox) ? firefox.missing : `${firefox.version}, ${firefox.executablePath}`}`)
  console.log(`WebKit: ${isMissing(webkit) ? webkit.missing : `${webkit.miniBrowser}, driven by ${webkit.driver}`}`)
  if (isMissing(firefox) || isMissing(webkit)) process.exitCode = 1
}
