import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, it } from 'vitest'
import { bundleSimulation, runSimulation } from '../../scripts/simulation.js'

// `npm run simulate` plays more of them, with another seed each time.
const HISTORIES = 2_000
const SEED = 20_261_123
const JOBS = 2

it(`keeps every promise in ${HISTORIES} random histories`, { timeout: 1_800_000 }, async () => {
  const bundle = await bundleSimulation()
  try {
    const results = await Promise.all(
      Array.from({ length: JOBS }, (_, job) => runSimulation(bundle, { runs: HISTORIES / JOBS, seed: SEED + job })),
    )
    for (const { failure } of results) {
      const broken =
        failure &&
        `${failure.invariant}: ${failure.what}\n--seed ${failure.seed} --path ${failure.path}\n${failure.history}`
      expect(broken).toBeUndefined()
    }
    expect(results.reduce((sum, { runs }) => sum + runs, 0)).toBe(HISTORIES)
  } finally {
    rmSync(dirname(bundle), { recursive: true, force: true })
  }
})
