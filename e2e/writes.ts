import { setTimeout as sleep } from 'node:timers/promises'

/** Writes so often, whether or not the server is there, with an answer to come for a second's worth of them at most. */
export function writeSteadily(perS: number, write: (nth: number) => Promise<unknown>) {
  let isOn = true
  let written = 0
  let tried = 0
  const beganAt = performance.now()
  const open = new Set<Promise<void>>()
  const loop = (async () => {
    while (isOn) {
      // A slow machine would only pile them up.
      if (open.size >= perS) await Promise.race(open)
      const one = write(tried++).then(
        () => void written++,
        () => undefined,
      )
      open.add(one)
      void one.then(() => open.delete(one))
      // A pause of its own each time would make it slower by what the machine needs.
      await sleep(Math.max(1, beganAt + (tried * 1_000) / perS - performance.now()))
    }
  })()
  return {
    /** Resolves with how many were written, and how many tried, once each has its answer. */
    async stop() {
      isOn = false
      await loop
      await Promise.all(open)
      return { written, tried }
    },
  }
}

const TABLE_TABS = Number(process.env['BACKEND_TABS'] ?? 0)

/** With how many tabs and kills the table of docs/backends.md is measured: few, so that every run can afford it. */
export const [TABS, KILLS] = TABLE_TABS > 0 ? [TABLE_TABS, 3] : [3, 1]

/** A line of that table. */
export const printRow = (...cells: readonly (string | number)[]): void => console.log(`| ${cells.join(' | ')} |`)
