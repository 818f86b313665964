import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../scripts/service.js'
import { within } from './driver.js'
import { atTheLatest } from './tidy.js'

const START = 90_000
const PORTS_TRIED = 3

export interface Running {
  stop(): void
}

function keep(child: ChildProcess): Running {
  return { stop: atTheLatest(() => child.kill('SIGKILL')) }
}

/** A screen in memory. */
export async function openScreen(xvfb: string): Promise<Running & { readonly display: string }> {
  // It picks a free display number itself, and writes it to the third pipe once the display is ready.
  const args = ['-displayfd', '3', '-screen', '0', '1280x1024x24', '-nolisten', 'tcp']
  const child = spawn(xvfb, args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] })
  const running = keep(child)
  try {
    const [number] = await within(START, 'starting Xvfb', once(child.stdio[3] as Readable, 'data'))
    return { display: `:${String(number).trim()}`, ...running }
  } catch (error) {
    running.stop()
    throw error
  }
}

/** A WebDriver server on a port of its own. It can't choose one itself, so it is tried again if the port was taken meanwhile. */
export async function startDriver(
  command: string,
  env: Record<string, string>,
): Promise<Running & { readonly url: string }> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const child = spawn(command, [`--port=${port}`], { stdio: 'ignore', env: { ...process.env, ...env } })
    const running = keep(child)
    try {
      await within(START, `starting ${command}`, answering(url, child))
      return { url, ...running }
    } catch (error) {
      running.stop()
      if (attempt === PORTS_TRIED) throw error
    }
  }
}

async function answering(url: string, child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the WebDriver server ended at once, with ${code}`)
  })
  ended.catch(() => undefined)
  const ready = async () => {
    while (child.exitCode === null && child.signalCode === null) {
      const answer = await fetch(`${url}/status`).catch(() => undefined)
      if (answer?.ok) return
      await delay(50)
    }
  }
  await Promise.race([ended, ready()])
}
