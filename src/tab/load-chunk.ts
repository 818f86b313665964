import type { ChunkPowers, LinePowers } from '../platform/line-powers.js'
import { messageOf, type Report } from '../util/errors.js'
import { growingPause } from '../util/growing-pause.js'

/** So many failures in a row, with the network up, mean that the file is gone. */
const MAX_CHUNK_FAILURES = 3
const CHUNK_PAUSE = { minMs: 500, maxMs: 30_000 }

/** Loads a module that is a chunk of its own. `name`: one of its exports. Rejects when some attempts have failed. */
export type LoadChunk = <Module extends object>(
  load: () => Promise<Module>,
  name: keyof Module & string,
) => Promise<Module>

/** The address that a browser's error names: in Chromium and Firefox. Safari's names none. */
const FAILED_URL = /dynamically imported module: (https?:\S+)$/

/**
 * Loads chunks in spite of failures. Firefox keeps a failed import for the page's life, so the next attempt is at another
 * address where the error names one. A deploy may have removed the files: that is reported once, as `stale-build`. Whoever
 * needs the chunk asks again, after a pause of its own.
 */
export function createChunkLoader(powers: Pick<LinePowers, 'timers' | 'random' | 'chunks'>, report: Report): LoadChunk {
  const { timers, random, chunks = NO_CHUNKS } = powers
  let isStale = false
  let retries = 0

  function stale(thrown: unknown, url: string | undefined): Error {
    const what = url === undefined ? '' : ` (${url})`
    const message = `Partyline's code of this build is gone from the server${what}: reload the page for the present build`
    if (!isStale) report('stale-build', message, { detail: { ...(url !== undefined && { url }) }, cause: thrown })
    isStale = true
    return new Error(message, { cause: thrown })
  }

  async function loadAt<Module extends object>(url: string, load: () => Promise<Module>, name: string) {
    const module = await chunks.loadFrom(`${url}${url.includes('?') ? '&' : '?'}retry=${++retries}`)
    // Bundlers may rename what a chunk exports; `load` knows the names.
    return name in module ? (module as Module) : chunks.load(load)
  }

  return async (load, name) => {
    let url: string | undefined
    for (let failures = 0; ; ) {
      try {
        return await (url === undefined ? chunks.load(load) : loadAt(url, load, name))
      } catch (thrown) {
        failures++
        url ??= FAILED_URL.exec(messageOf(thrown))?.[1]
        if (url !== undefined && (await chunks.isGone(url))) throw stale(thrown, url)
        if (failures >= MAX_CHUNK_FAILURES || isStale) throw chunks.isOnline() ? stale(thrown, url) : thrown
        const pauseMs = growingPause(failures - 1, random, CHUNK_PAUSE)
        await new Promise<void>((resolve) => timers.after(pauseMs, resolve))
      }
    }
  }
}

const NO_CHUNKS: ChunkPowers = {
  load: (load) => load(),
  loadFrom: () => Promise.reject(new Error('this environment loads nothing by its address')),
  isGone: async () => false,
  isOnline: () => true,
}
