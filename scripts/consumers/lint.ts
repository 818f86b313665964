import { cpSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { filesOf, PAGES } from '../pack-snippets.js'
import { install, run, write } from './check.js'

export const LINT = "ESLint's react-hooks"

const CONFIG = `import parser from '@typescript-eslint/parser'
import hooks from 'eslint-plugin-react-hooks'
export default [
  { files: ['**/*.{ts,tsx}'], languageOptions: { parser }, ...hooks.configs.flat['recommended-latest'] },
]
`

/** The rules of React's own plugin, over all components that the docs show and those of the demo. */
export async function lintHooks(
  root: string,
  folder: string,
): Promise<{ readonly files: number; readonly faults: string[] }> {
  const shown = PAGES.flatMap((page) =>
    filesOf(root, page).map(({ name, code }) => [`${page.replace(/\W+/g, '-')}/${name}`, code] as const),
  ).filter(([name]) => /\.tsx?$/.test(name))
  const packages = {
    eslint: '^10',
    'eslint-plugin-react-hooks': '^7',
    '@typescript-eslint/parser': '^8',
    typescript: '~5.9',
  }
  write(folder, {
    ...Object.fromEntries(shown),
    'eslint.config.js': CONFIG,
    'package.json': JSON.stringify({ private: true, type: 'module', dependencies: packages }),
  })
  const sources = readdirSync(join(root, 'demo'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    /^(?!dist|node_modules).*\.tsx$/.test(name),
  )
  for (const name of sources) cpSync(join(root, 'demo', name), join(folder, 'demo', name))
  const files = shown.length + sources.length
  try {
    await install(folder)
    await run(folder, ['eslint', '--max-warnings', '0', '.'])
    return { files, faults: [] }
  } catch (thrown) {
    return { files, faults: [(thrown as Error).message] }
  }
}
