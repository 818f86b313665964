import type { ChunkPowers, LinePowers, LoadChunk } from '../platform/line-powers.js'
import { messageOf, type Report } from '../util/errors.js'
import { growingPause } from '../util/growing-pause.js'

/** So many attempts are made at once. Where no error names the file, so many refusals mean that it is gone. */
const MAX_CHUNK_FAILURES = 3
/** A server refuses at once. What takes longer to fail was lost on its way, even if the server is in reach by then. */
const MAX_REFUSAL_MS = 5_000
const CHUNK_PAUSE = { minMs: 500, maxMs: 30_000 }

/** The address that a browser's error names: in Chromium and Firefox. Safari's names none. */
const FAILED_URL = /dynamically imported module: (https?:\S+)$/

/**
 * Loads chunks in spite of failures. Firefox keeps a failed import for the page's life, so each attempt is also made at
 * an address of its own, where the error names one. A deploy may have removed the files: that is reported once, as `stale-build`.
 * Whoever needs the chunk asks again, after a pause of its own.
 */
export function createChunkLoader(
  powers: Pick<LinePowers, 'clock' | 'timers' | 'random' | 'chunks'>,
  report: Report,
): LoadChunk {
  const { clock, timers, random, chunks = NO_CHUNKS } = powers
  /** By name: who asks while a chunk is being loaded waits for it too, and each is one module for good. */
  const loads = new Map<string, Promise<object>>()
  let isStale = false
  let retries = 0

  function stale(thrown: unknown, url: string | undefined): Error {
    const what = url === undefined ? '' : ` (${url})`
    const message = `Partyline's code of this build is gone from the server${what}: reload the page for the present build`
    if (!isStale) report('stale-build', message, { detail: { ...(url !== undefined && { url }) }, cause: thrown })
    isStale = true
    return new Error(message, { cause: thrown })
  }

  /** The module at another address than the one that has failed. */
  async function loadElsewhere<Module extends object>(url: string, name: string): Promise<Module | undefined> {
    const address = `${url}${url.includes('?') ? '&' : '?'}retry=${++retries}`
    const module = await chunks.loadFrom(address).catch(() => ({}))
    // Bundlers may rename what a chunk exports.
    return name in module ? (module as Module) : undefined
  }

  async function attempts<Module extends object>(load: () => Promise<Module>, name: string): Promise<Module> {
    /** Attempts that the server seems to have refused: Safari's errors name no file that could be looked at. */
    let refusals = 0
    for (let failures = 1; ; failures++) {
      const beganAt = clock.monotonic()
      try {
        return await chunks.load(load)
      } catch (thrown) {
        const isQuick = clock.monotonic() - beganAt < MAX_REFUSAL_MS
        const url = FAILED_URL.exec(messageOf(thrown))?.[1]
        const module = url && (await loadElsewhere<Module>(url, name))
        if (module) return module
        const state = await chunks.look(url)
        if (state === 'there' && url === undefined && isQuick) refusals++
        if (state === 'gone' || refusals >= MAX_CHUNK_FAILURES) throw stale(thrown, url)
        if (failures >= MAX_CHUNK_FAILURES) throw thrown
        const pauseMs = growingPause(failures - 1, random, CHUNK_PAUSE)
        await new Promise<void>((resolve) => timers.after(pauseMs, resolve))
      }
    }
  }

  return <Module extends object>(load: () => Promise<Module>, name: keyof Module & string) => {
    const loading =
      loads.get(name) ??
      attempts(load, name).catch((thrown: unknown) => {
        loads.delete(name)
        throw thrown
      })
    loads.set(name, loading)
    return loading as Promise<Module>
  }
}

const NO_CHUNKS: ChunkPowers = {
  load: (load) => load(),
  loadFrom: () => Promise.reject(new Error('this environment loads nothing by its address')),
  look: async () => 'there',
}
