/**
 * A browser over its bare DevTools protocol. Playwright and Puppeteer have every page report each of its frames and
 * requests; that is work too, and most of it would be the recipe's.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import WebSocket from 'ws'
import { BROWSER_ARGS } from '../../scripts/browser.js'

/** No command takes this long (ms) unless its page is drowned in work. */
const PATIENCE = 120_000

interface Answer {
  readonly id?: number
  readonly result?: Record<string, unknown>
  readonly error?: { readonly message: string }
}

/** A page or a worker that takes DevTools commands. */
export interface Target {
  send<T>(method: string, params?: object): Promise<T>
  evaluate<T>(expression: string): Promise<T>
}

/** A browser profile of its own: cookies, workers and locks are not shared with another one. */
export interface Profile {
  /** In a tab of the profile's window, or in a window of its own. */
  open(url: string, newWindow?: boolean): Promise<Target>
  /** Its SharedWorkers. */
  workers(): Promise<Target[]>
  /** Brings a tab to the front; whichever was there is hidden. */
  show(tab: Target): Promise<void>
  closeTab(tab: Target): Promise<void>
  close(): Promise<void>
}

export interface DevTools {
  readonly version: string
  profile(): Promise<Profile>
  /** CPU seconds that all processes of the browser have used so far. */
  cpuTime(): Promise<number>
  /** At once, whatever its pages are doing. */
  close(): Promise<void>
}

export async function launch(executable: string): Promise<DevTools> {
  const folder = mkdtempSync(join(tmpdir(), 'partyline-bench-profile-'))
  const child = spawn(
    executable,
    [
      ...BROWSER_ARGS,
      '--headless=new',
      '--remote-debugging-port=0',
      `--user-data-dir=${folder}`,
      '--no-default-browser-check',
      '--disable-extensions',
      '--disable-default-apps',
      '--password-store=basic',
      // Otherwise the number of tabs from which on they share processes would depend on the machine's memory.
      '--renderer-process-limit=200',
      'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const socket = await connect(await endpointOf(child))
  const waiting = new Map<number, { resolve(result: never): void; reject(error: Error): void }>()
  let last = 0

  socket.on('message', (data) => {
    const { id, result, error } = JSON.parse(String(data)) as Answer
    const one = id === undefined ? undefined : waiting.get(id)
    if (id === undefined || !one) return
    waiting.delete(id)
    if (error) one.reject(new Error(error.message))
    else one.resolve(result as never)
  })
  socket.on('close', () => {
    for (const { reject } of waiting.values()) reject(new Error('the browser is gone'))
    waiting.clear()
  })

  function send<T>(method: string, params: object = {}, sessionId?: string): Promise<T> {
    const id = ++last
    let late: NodeJS.Timeout | undefined
    return new Promise<T>((resolve, reject) => {
      late = setTimeout(() => {
        waiting.delete(id)
        reject(new Error(`${method}: no answer within ${PATIENCE} ms`))
      }, PATIENCE)
      waiting.set(id, { resolve, reject })
      socket.send(JSON.stringify({ id, method, params, ...(sessionId && { sessionId }) }))
    }).finally(() => clearTimeout(late))
  }

  async function attach(targetId: string): Promise<Target> {
    const { sessionId } = await send<{ sessionId: string }>('Target.attachToTarget', { targetId, flatten: true })
    const own = <T>(method: string, params?: object) => send<T>(method, params, sessionId)
    return {
      send: own,
      async evaluate<T>(expression: string) {
        const { result, exceptionDetails } = await own<{
          result: { value: T }
          exceptionDetails?: { exception?: { description?: string }; text: string }
        }>('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true })
        if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text)
        return result.value
      },
    }
  }

  async function profile(): Promise<Profile> {
    const { browserContextId } = await send<{ browserContextId: string }>('Target.createBrowserContext')
    const ids = new Map<Target, string>()
    return {
      async open(url, newWindow) {
        const options = { url, browserContextId, ...(newWindow && { newWindow }) }
        const { targetId } = await send<{ targetId: string }>('Target.createTarget', options)
        const tab = await attach(targetId)
        ids.set(tab, targetId)
        return tab
      },
      async workers() {
        const { targetInfos } = await send<{
          targetInfos: { type: string; targetId: string; browserContextId: string }[]
        }>('Target.getTargets')
        const own = targetInfos.filter(
          (one) => one.type === 'shared_worker' && one.browserContextId === browserContextId,
        )
        return Promise.all(own.map(({ targetId }) => attach(targetId)))
      },
      show: (tab) => send('Target.activateTarget', { targetId: ids.get(tab) }),
      closeTab: (tab) => send('Target.closeTarget', { targetId: ids.get(tab) }),
      close: () => send('Target.disposeBrowserContext', { browserContextId }),
    }
  }

  const { product } = await send<{ product: string }>('Browser.getVersion')
  return {
    version: product,
    profile,
    async cpuTime() {
      const { processInfo } = await send<{ processInfo: { cpuTime: number }[] }>('SystemInfo.getProcessInfo')
      return processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0)
    },
    async close() {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      // `Browser.close` would wait for overloaded pages. The other processes of the browser end with this one.
      child.kill('SIGKILL')
      await gone
      socket.close()
      await removeFolder(folder)
    },
  }
}

/** A process that is still ending may write into it. Node's own retries do not help: they list the folder once. */
async function removeFolder(folder: string): Promise<void> {
  for (let left = 50; ; left--) {
    try {
      return rmSync(folder, { recursive: true, force: true })
    } catch (thrown) {
      if (left === 0) throw thrown
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

function endpointOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    child.stderr?.on('data', (chunk) => {
      if (said.length > 100_000) return
      said += String(chunk)
      const [, url] = /DevTools listening on (\S+)/.exec(said) ?? []
      if (url) resolve(url)
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the browser ended with ${code}: ${said.slice(-2_000)}`)))
  })
}

function connect(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: 0 })
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(socket))
    socket.once('error', reject)
  })
}
