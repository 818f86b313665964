/**
 * Runs simulated histories in processes of their own. The simulation and the library are bundled first: in a bundle a dynamic
 * import is a microtask, not a trip to the disk, so that a history depends on nothing but its seed.
 */
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'vite'
import type { SimulationRequest, SimulationResult } from '../test/simulation/main.js'

const root = resolve(import.meta.dirname, '..')
/** Within node_modules, so that the bundle finds its external packages. */
export const CACHE = join(root, 'node_modules/.cache/partyline-simulation')

/** Bundles the simulation of a source tree (a folder that holds `src` and `test`); returns the bundle's path. */
export async function bundleSimulation(source = root, name = `main-${process.pid}`): Promise<string> {
  mkdirSync(CACHE, { recursive: true })
  await build({
    configFile: false,
    root,
    logLevel: 'error',
    build: {
      ssr: join(source, 'test/simulation/worker-process.ts'),
      outDir: join(CACHE, name),
      emptyOutDir: true,
      minify: false,
      target: 'es2022',
      rolldownOptions: {
        external: [/^socket\.io-client/],
        output: {
          entryFileNames: 'simulation.mjs',
          codeSplitting: false,
          // Comlink would report the end of a proxy whenever the garbage collector finds it.
          banner: 'delete globalThis.FinalizationRegistry;',
        },
      },
    },
    ssr: { noExternal: [/comlink/, /lodash-es/, /@tanstack/, /fast-check/] },
  })
  return join(CACHE, name, 'simulation.mjs')
}

/** Runs one process; resolves with its result. */
export function runSimulation(
  bundle: string,
  request: SimulationRequest,
  limitMs = 3_600_000,
): Promise<SimulationResult> {
  return new Promise((done, reject) => {
    const child = spawn(process.execPath, ['--enable-source-maps', bundle, JSON.stringify(request)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: limitMs,
    })
    let output = ''
    child.stdout.on('data', (data: Buffer) => {
      output += data
    })
    child.on('close', (code, signal) => {
      const last = output.trim().split('\n').at(-1) ?? ''
      try {
        done(JSON.parse(last) as SimulationResult)
      } catch {
        reject(new Error(`the simulation ended with ${code ?? signal} and without a result: ${last}`))
      }
    })
  })
}
