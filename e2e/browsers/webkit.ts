import { Builder, Capabilities, type WebDriver } from 'selenium-webdriver'
import type { WebKit } from '../../scripts/browsers.js'
import { type Driver, tabOf, within } from './driver.js'
import { openScreen, startDriver } from './processes.js'

const START = 60_000

/** WebKitGTK's MiniBrowser over WebDriver, on a screen in memory. */
export async function launchWebKit({ driver, miniBrowser, xvfb }: WebKit): Promise<Driver> {
  const screen = xvfb === undefined ? undefined : await openScreen(xvfb)
  const service = await startDriver(driver, screen ? { DISPLAY: screen.display, GDK_BACKEND: 'x11' } : {})
  // The screen last: any process of the browser that is left ends with it.
  const end = () => {
    service.stop()
    screen?.stop()
  }
  try {
    const session = await within(START, 'starting MiniBrowser', startSession(service.url, miniBrowser))
    return await driverOf(session, end)
  } catch (error) {
    end()
    throw error
  }
}

function startSession(url: string, binary: string): Promise<WebDriver> {
  const capabilities = new Capabilities({
    browserName: 'MiniBrowser',
    'webkitgtk:browserOptions': { binary, args: ['--automation'] },
  })
  return Promise.resolve(
    new Builder().disableEnvironmentOverrides().usingServer(url).withCapabilities(capabilities).build(),
  )
}

async function driverOf(session: WebDriver, end: () => void): Promise<Driver> {
  const inTurn = createQueue()
  const version = (await session.getCapabilities()).get('browserVersion')
  const first = await session.getWindowHandle()

  return {
    version: `WebKitGTK/${version}`,
    open: (url) =>
      inTurn(async () => {
        // A new window is opened from an open one, and the current one may be closed by now.
        await session.switchTo().window(first)
        // A window for each: in MiniBrowser all but one tab of a window are `hidden`.
        await session.switchTo().newWindow('window')
        const handle = await session.getWindowHandle()
        await session.get(url)
        const here = <T>(command: () => Promise<T>) =>
          inTurn(async () => {
            await session.switchTo().window(handle)
            return command()
          })
        return tabOf({
          run: (expression) => here(() => session.executeScript<string>(`return ${expression}`)),
          close: () => here(() => session.close()),
        })
      }),
    async quit() {
      try {
        await within(START, 'ending MiniBrowser', session.quit())
      } finally {
        end()
      }
    },
  }
}

/** A WebDriver session has one current window, so of its commands only one may be under way. */
function createQueue(): <T>(command: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (command) => {
    const next = last.then(command, command)
    last = next
    return next
  }
}
