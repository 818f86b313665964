/** Builds the package: `tsc` emits the modules, Vite bundles the worker into one self-contained file. */
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'

rmSync('dist', { recursive: true, force: true })
for (const [command, ...args] of [
  ['tsc', '-p', 'tsconfig.build.json'],
  ['vite', 'build', '--mode', 'worker', '--logLevel', 'warn'],
] as const) {
  execFileSync(command, args, { stdio: 'inherit' })
}
