import { join } from 'node:path'
import { filesOf } from './pack-snippets.js'

/** One app that uses the package as a stranger would. */
export interface Consumer {
  readonly name: string
  /** Beside the package itself; they may replace React and TanStack Query. */
  readonly packages: Readonly<Record<string, string>>
  /** More fields of its package.json. */
  readonly manifest?: object
  /** Makes the app's files from those of the template. `server`: the address of the test's server. */
  files(template: Files, server: string): Files
  /** A program of `node_modules/.bin` and its arguments. */
  readonly build?: readonly string[]
  /** A development server that prints its address, instead of a build. */
  readonly dev?: readonly string[]
  /** Where the build puts the page. */
  readonly out?: string
  /** The path below which the page is served. */
  readonly base?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Opened as a file, and not from a server. */
  readonly isFile?: boolean
  readonly host: 'shared-worker' | 'leader-tab' | 'this-tab'
  readonly sockets?: number
  /** One of those that run at every commit. */
  readonly isQuick?: boolean
  /** What the docs' table says beside the figures. */
  readonly note?: string
}

export type Files = Readonly<Record<string, string>>

/** What a line of the app shows to the test. */
const SHOWN = '\nObject.assign(window, { line })\n'

/** The files that docs/getting-started.md tells to write, and the page that a bundler's template brings. */
export function templateOf(root: string): Files {
  const wanted = ['src/realtime.ts', 'src/main.tsx', 'src/App.tsx', 'vite.config.ts']
  const files = Object.fromEntries(
    filesOf(root, 'docs/getting-started.md')
      .filter(({ name }) => wanted.includes(name))
      .map(({ name, code }) => [name, name === 'src/main.tsx' ? code + SHOWN : code]),
  )
  const missing = wanted.filter((name) => !files[name])
  if (missing.length > 0) throw new Error(`docs/getting-started.md no longer shows ${missing.join(', ')}`)
  return { ...files, 'index.html': page('<script type="module" src="/src/main.tsx"></script>') }
}

const page = (script: string) =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Consumer</title></head><body><div id="root"></div>${script}</body></html>`

/** With a field more in a file of the template. A template that has changed must not go by unseen. */
function replaced(files: Files, name: string, from: string, to: string): string {
  const text = files[name] ?? ''
  if (!text.includes(from)) throw new Error(`${name} has no ${JSON.stringify(from)}`)
  return text.replaceAll(from, to)
}

const toServer = (files: Files, server: string): Files => ({
  ...files,
  'vite.config.ts': replaced(files, 'vite.config.ts', 'http://localhost:3001', server),
})

const VITE = { vite: '^8.3.8', '@vitejs/plugin-react': '^6.0.0' }
const VITE_BUILD = ['vite', 'build', '--logLevel', 'warn']
const SCRIPT = page('<script type="module" src="/main.js"></script>')

/** The same for webpack and Rspack, but for the loader. */
const bundlerConfig = (loader: string) => `module.exports = {
  mode: 'production',
  entry: './src/main.tsx',
  output: { path: __dirname + '/dist', filename: 'main.js', publicPath: '/' },
  resolve: { extensions: ['.tsx', '.ts', '.js'] },
  module: { rules: [{ test: /\\.tsx?$/, ${loader} }] },
  performance: { hints: false },
}
`

const STRICT =
  "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; style-src 'self'; base-uri 'none'"

export const CONSUMERS: readonly Consumer[] = [
  {
    name: 'Vite 8, React 19, build',
    packages: VITE,
    files: (template) => template,
    build: VITE_BUILD,
    host: 'shared-worker',
    isQuick: true,
  },
  {
    name: 'Vite 8, React 18.0, TanStack Query 5.0.0, build',
    packages: { ...VITE, react: '18.0.0', 'react-dom': '18.0.0', '@tanstack/react-query': '5.0.0' },
    files: (template) => template,
    build: VITE_BUILD,
    host: 'shared-worker',
    isQuick: true,
  },
  {
    name: 'Vite 8, development server',
    packages: VITE,
    files: toServer,
    dev: ['vite', '--host', '127.0.0.1'],
    host: 'shared-worker',
  },
  {
    name: 'Vite 7, development server',
    packages: { vite: '^7', '@vitejs/plugin-react': '^5' },
    files(template, server) {
      const recipe = "optimizeDeps: { exclude: ['partyline'], include: ['partyline > socket.io-client'] },\n  server: {"
      const files = toServer(template, server)
      return { ...files, 'vite.config.ts': replaced(files, 'vite.config.ts', 'server: {', recipe) }
    },
    dev: ['vite', '--host', '127.0.0.1'],
    host: 'shared-worker',
    note: "needs `optimizeDeps: { exclude: ['partyline'], include: ['partyline > socket.io-client'] }`",
  },
  {
    name: 'Vite 8, base `/app/`',
    packages: VITE,
    files: (template) => template,
    build: [...VITE_BUILD, '--base', '/app/'],
    base: '/app/',
    host: 'shared-worker',
  },
  {
    name: 'Vite 8, strict Content Security Policy',
    packages: VITE,
    files: (template) => template,
    build: VITE_BUILD,
    headers: { 'content-security-policy': STRICT },
    host: 'shared-worker',
    note: "`script-src`, `worker-src`, `connect-src` and `style-src` are `'self'`, all else is `'none'`",
  },
  {
    name: 'webpack 5, build',
    packages: { webpack: '^5', 'webpack-cli': '^7', 'esbuild-loader': '^4' },
    files: (template) => ({
      ...template,
      'bundler.config.cjs': bundlerConfig("loader: 'esbuild-loader', options: { jsx: 'automatic' }"),
      'dist/index.html': SCRIPT,
    }),
    build: ['webpack', '-c', 'bundler.config.cjs', '--fail-on-warnings'],
    host: 'shared-worker',
    isQuick: true,
  },
  {
    name: 'Rspack 2, build',
    packages: { '@rspack/core': '^2', '@rspack/cli': '^2' },
    files: (template) => ({
      ...template,
      'bundler.config.cjs': bundlerConfig(
        "loader: 'builtin:swc-loader', options: { jsc: { parser: { syntax: 'typescript', tsx: true }, transform: { react: { runtime: 'automatic' } } } }",
      ),
      'dist/index.html': SCRIPT,
    }),
    build: ['rspack', 'build', '-c', 'bundler.config.cjs'],
    host: 'shared-worker',
    isQuick: true,
  },
  {
    name: 'esbuild',
    packages: { esbuild: '^0.28' },
    files: (template) => ({
      ...template,
      'src/realtime.ts': replaced(
        template,
        'src/realtime.ts',
        'createPartyline({',
        "createPartyline({\n  worker: (options) => new SharedWorker('/partyline-worker.js', options),",
      ),
      'dist/index.html': SCRIPT,
    }),
    build: [
      'esbuild',
      'src/main.tsx',
      'partyline-worker=partyline/worker',
      ...['--bundle', '--splitting', '--format=esm', '--outdir=dist', '--jsx=automatic', '--minify'],
      ...['--define:process.env.NODE_ENV="production"', '--log-level=warning'],
    ],
    host: 'shared-worker',
    isQuick: true,
    note: 'needs the `worker` option, see below',
  },
  {
    name: 'Parcel 2, build',
    packages: { parcel: '^2' },
    manifest: { '@parcel/resolver-default': { packageExports: true } },
    files: (template) => ({ ...template, 'index.html': page('<script type="module" src="./src/main.tsx"></script>') }),
    build: ['parcel', 'build', 'index.html', '--dist-dir', 'dist', '--no-cache', '--log-level', 'warn'],
    host: 'shared-worker',
    note: 'needs `"@parcel/resolver-default": { "packageExports": true }` in package.json',
  },
  ...(['turbopack', 'webpack'] as const).map(
    (bundler): Consumer => ({
      name: `Next.js 16, ${bundler === 'webpack' ? 'webpack' : 'Turbopack'}, static export`,
      packages: { next: '^16' },
      files({ 'src/realtime.ts': realtime = '', 'src/App.tsx': app = '', 'src/main.tsx': main = '' }) {
        // In Next.js the page is what a bundler's template renders into #root.
        const providers = /<QueryClientProvider[\s\S]*<\/QueryClientProvider>/.exec(main)?.[0]
        const before = main.slice(0, main.indexOf('createRoot(')).replace(/^import .*'react(-dom\/client)?'$/gm, '')
        if (!providers) throw new Error('src/main.tsx renders no QueryClientProvider')
        const shown = "if (typeof window !== 'undefined') Object.assign(window, { line })"
        return {
          'app/realtime.ts': realtime,
          'app/App.tsx': app,
          'app/page.tsx': `'use client'\n${before}\n${shown}\nexport default function Page() {\n  return (${providers})\n}\n`,
          'app/layout.jsx':
            'export default ({ children }) => <html lang="en"><head><title>Consumer</title></head><body>{children}</body></html>\n',
          'next.config.mjs':
            "export default { output: 'export', typescript: { ignoreBuildErrors: true }, turbopack: { root: import.meta.dirname } }\n",
        }
      },
      build: ['next', 'build', `--${bundler}`],
      out: 'out',
      host: 'shared-worker',
    }),
  ),
  {
    name: 'Vite 8, pages on `file://`',
    packages: VITE,
    files: (template, server) => ({
      ...template,
      'src/main.tsx': replaced(template, 'src/main.tsx', "fetch('/api", `fetch('${server}/api`),
      'src/App.tsx': (template['src/App.tsx'] ?? '').replace(/fetch\((['`])\/api/g, `fetch($1${server}/api`),
      'src/realtime.ts': replaced(
        template,
        'src/realtime.ts',
        'createPartyline({',
        `createPartyline({ url: '${server}',`,
      ),
    }),
    build: [...VITE_BUILD, '--base', './'],
    isFile: true,
    host: 'leader-tab',
    note: 'as Electron opens them: the SharedWorker is not shared there',
  },
]

/** Where a consumer's page is, below its folder. */
export const outOf = ({ out = 'dist' }: Consumer, folder: string): string => join(folder, out)
