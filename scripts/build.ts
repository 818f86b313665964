/** Builds the package: `tsc` emits the modules, Vite bundles the worker and the panel of the devtools into one self-contained file each. */
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'

rmSync('dist', { recursive: true, force: true })
for (const [command, ...args] of [
  ['tsc', '-p', 'tsconfig.build.json'],
  ['vite', 'build', '--mode', 'worker', '--logLevel', 'warn'],
  ['vite', 'build', '--mode', 'devtools', '--logLevel', 'warn'],
] as const) {
  execFileSync(command, args, { stdio: 'inherit' })
}

// The bundle stands for these modules, and nobody imports its types.
rmSync('dist/devtools/panel', { recursive: true })
rmSync('dist/devtools/panel.d.ts')
