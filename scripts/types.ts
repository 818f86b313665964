/**
 * Type-checks an app against the packed package as apps do, with `skipLibCheck: false`: TypeScript from the oldest that was seen to
 * work to the newest, and each way to find modules. `moduleResolution: "node10"` reads no `exports`, so `typesVersions` has every entry again.
 * Installs the compilers into a temporary folder. Where that can't be done, only the newest is tried; with `CI` set that fails.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')

/** The newest is the project's own. */
const OLDER = ['5.4', '5.6', '5.7', '5.9', '6']

const RESOLUTIONS = { node10: 'esnext', node16: 'node16', nodenext: 'nodenext', bundler: 'esnext' }

/** TypeScript 6 warns of `node10`, and 7 has it no more. */
const optionsOf = (version: string, resolution: string): object | undefined =>
  resolution !== 'node10' || Number.parseInt(version, 10) < 6
    ? {}
    : version === '6'
      ? { ignoreDeprecations: '6.0' }
      : undefined

interface PackageFile {
  readonly version: string
  readonly types: string
  readonly typesVersions: { readonly '*': Readonly<Record<string, readonly string[]>> }
  readonly exports: Readonly<Record<string, string | { readonly types: string }>>
}

const APP = `import { createPartyline } from 'partyline'
import { useServerEvent } from 'partyline/react'
const line = createPartyline({
  invalidates: { changed: { touches: ['data'], targets: (m: { id: string }) => [['data', m.id]] } },
})
line.on('changed', ({ id }) => {
  const text: string = id
  // @ts-expect-error it is no number: the types are found, and are no any
  const count: number = id
  return [text, count]
})

declare module 'partyline' {
  interface Register {
    line: typeof line
  }
}
export function useChanged(): void {
  useServerEvent('changed', ({ id }) => {
    const text: string = id
    // @ts-expect-error it is no number
    const count: number = id
    return [text, count]
  })
  // @ts-expect-error no such event
  useServerEvent('chanegd', () => undefined)
}
`

/** Frameworks whose own types not every compiler takes: a file for each. */
const APART = ['svelte', 'solid']
const isApart = (text: string) => APART.some((name) => text.includes(`'partyline/${name}'`))

/** The oldest resolution does not find Svelte's types, and Solid's name what the DOM of TypeScript 5.4 does not have. */
const filesOf = (version: string, moduleResolution: string) => [
  'app.ts',
  ...(moduleResolution === 'node10' ? [] : ['svelte.ts']),
  ...(version === '5.4' ? [] : ['solid.ts']),
]

/** The entries that have types, by the name that an app imports. Where `typesVersions` leaves one out, it throws. */
function entriesOf({ exports, types, typesVersions }: PackageFile): string[] {
  const typed = Object.entries(exports).flatMap(([entry, to]) => (typeof to === 'string' ? [] : [[entry, to] as const]))
  for (const [entry, to] of typed) {
    const known = entry === '.' ? types : typesVersions['*'][entry.slice(2)]?.[0]
    if (known !== to.types) throw new Error(`package.json: types or typesVersions lack '${entry}': ${to.types}`)
  }
  return typed.map(([entry]) => entry.replace('.', 'partyline'))
}

/** The folder of each compiler, by its version. */
function installCompilers(folder: string): Map<string, string> {
  const dependencies = Object.fromEntries(OLDER.map((version) => [`ts${version}`, `npm:typescript@${version}`]))
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }))
  const installed = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--prefix', folder], { encoding: 'utf8' })
  const { version } = JSON.parse(
    readFileSync(join(root, 'node_modules/typescript/package.json'), 'utf8'),
  ) as PackageFile
  const own = [[version, join(root, 'node_modules/typescript')]] as const
  if (installed.status === 0)
    return new Map([...OLDER.map((older) => [older, join(folder, 'node_modules', `ts${older}`)] as const), ...own])
  if (process.env['CI']) throw new Error(`the compilers can't be installed: ${installed.stderr}`)
  console.log("Only the newest TypeScript is tried: the others can't be installed here.")
  return new Map(own)
}

function check(temporary: string): boolean {
  const packing = ['pack', '--ignore-scripts', '--json', '--pack-destination', temporary]
  const answer = execFileSync('npm', packing, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  const [packed] = Object.values(JSON.parse(answer) as Record<string, { filename: string }>)
  const app = join(temporary, 'app')
  const unpacked = join(app, 'node_modules/partyline')
  mkdirSync(unpacked, { recursive: true })
  execFileSync('tar', ['-xzf', join(temporary, packed?.filename ?? ''), '-C', unpacked, '--strip-components=1'])
  // One folder up, the project's own packages stand for those that an app installs.
  symlinkSync(join(root, 'node_modules'), join(temporary, 'node_modules'), 'junction')

  const entries = entriesOf(JSON.parse(readFileSync(join(unpacked, 'package.json'), 'utf8')) as PackageFile)
  const imports = entries.map((entry, index) => `import * as entry${index} from '${entry}'\nvoid entry${index}\n`)
  writeFileSync(join(app, 'package.json'), '{ "private": true, "type": "module" }')
  writeFileSync(join(app, 'app.ts'), [APP, ...imports.filter((text) => !isApart(text))].join(''))
  for (const name of APART)
    writeFileSync(join(app, `${name}.ts`), `import * as entry from 'partyline/${name}'\nvoid entry\n`)

  let failed = 0
  const rows: string[] = []
  for (const [version, compiler] of installCompilers(join(temporary, 'compilers'))) {
    const cells = Object.entries(RESOLUTIONS).flatMap(([moduleResolution, module]) => {
      const more = optionsOf(version, moduleResolution)
      if (!more) return []
      const compilerOptions = {
        ...{ target: 'es2022', lib: ['es2022', 'dom', 'dom.iterable'], types: [], strict: true },
        ...{ skipLibCheck: false, noEmit: true, module, moduleResolution, ...more },
      }
      const project = join(app, `tsconfig.${version}.${moduleResolution}.json`)
      writeFileSync(project, JSON.stringify({ compilerOptions, files: filesOf(version, moduleResolution) }))
      const run = spawnSync(process.execPath, [join(compiler, 'bin/tsc'), '-p', project], {
        encoding: 'utf8',
        cwd: app,
      })
      if (run.status === 0) return [moduleResolution]
      failed++
      console.error(`TypeScript ${version}, ${moduleResolution}:\n${run.stdout}${run.stderr}`)
      return []
    })
    rows.push(`${version} (${cells.join(', ')})`)
  }
  console.log(`types of ${entries.length} entries, found with TypeScript ${rows.join('; ')}`)
  return failed === 0
}

if (!existsSync(join(root, 'dist/index.d.ts'))) {
  console.error('There is no built package to check. Run `npm run build` first.')
  process.exit(1)
}
const temporary = mkdtempSync(join(tmpdir(), 'partyline-types-'))
try {
  if (!check(temporary)) process.exitCode = 1
} finally {
  rmSync(temporary, { recursive: true, force: true })
}
