import { editRules, editRulesAndClient, playwrightExample, workWithoutServer } from './beyond.js'
import {
  type Addresses,
  awayFrom,
  type Command,
  type Consumer,
  type Files,
  page,
  replaced,
  rootOf,
  SHOWN,
} from './consumer.js'

const toServer = (files: Files, { server }: Addresses): Files =>
  replaced(files, 'vite.config.ts', 'http://localhost:3001', server)

const VITE = { vite: '^8.3.8', '@vitejs/plugin-react': '^6.0.0' }
const VITE_BUILD: Command = ['vite', 'build', '--logLevel', 'warn']
const VITE_DEV: Command = ['vite', '--host', '127.0.0.1']
const SCRIPT = page('<script type="module" src="/main.js"></script>')
const RECIPE = "optimizeDeps: { exclude: ['partyline'], include: ['partyline > socket.io-client'] }"

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

/** The worker as a file of the page's own origin, and the option that names it. */
const ownWorker = (files: Files): Files =>
  replaced(
    files,
    'src/realtime.ts',
    'createPartyline({',
    "createPartyline({\n  worker: (options) => new SharedWorker('/partyline-worker.js', options),",
  )
const COPY_WORKER: Command = [
  'node',
  '-e',
  "fs.mkdirSync('public'); fs.copyFileSync('node_modules/partyline/dist/worker.js', 'public/partyline-worker.js')",
]

/** The provider in a component of its own, which a hot update replaces; what the event's handler hears is counted. */
function hotApp(template: Files, isClientApart: boolean): Files {
  const { before, providers } = rootOf(template)
  const client = 'const queryClient = new QueryClient()'
  const counted = replaced(
    template,
    'src/App.tsx',
    'setNote(',
    'Object.assign(window, { heard: (Reflect.get(window, "heard") ?? 0) + 1 }) && setNote(',
  )
  return {
    ...counted,
    'src/Root.tsx': `${isClientApart ? before.replace(client, "import { queryClient } from './query-client'") : before}${SHOWN}
export function Root() {
  return (${providers})
}
`,
    ...(isClientApart && {
      'src/query-client.ts': `import { QueryClient } from '@tanstack/react-query'\nexport ${client}\n`,
    }),
    'src/main.tsx': `import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Root } from './Root'
createRoot(document.getElementById('root')!).render(<StrictMode><Root /></StrictMode>)
`,
  }
}

const onCdn = (template: Files, { cdn }: Addresses): Files =>
  replaced(template, 'vite.config.ts', 'plugins: [react()],', `plugins: [react()],\n  base: '${cdn}/',`)

export const BUNDLERS: readonly Consumer[] = [
  {
    name: 'Vite 8, React 19, build',
    packages: VITE,
    files: (template) => template,
    builds: [VITE_BUILD],
    host: 'shared-worker',
    isQuick: true,
  },
  {
    name: 'Vite 8, React 18.0, TanStack Query 5.0.0, build',
    packages: { ...VITE, react: '18.0.0', 'react-dom': '18.0.0', '@tanstack/react-query': '5.0.0' },
    files: (template) => template,
    builds: [VITE_BUILD],
    host: 'shared-worker',
    isQuick: true,
  },
  {
    name: 'Vite 8, development server',
    packages: VITE,
    files: toServer,
    dev: VITE_DEV,
    host: 'shared-worker',
    isQuick: true,
    more: playwrightExample,
  },
  ...[true, false].map(
    (isApart): Consumer => ({
      name: `Vite 8, 16 hot updates of the rules, QueryClient ${isApart ? 'in a module of its own' : "in the provider's module"}`,
      packages: VITE,
      files: (template, addresses) => hotApp(toServer(template, addresses), isApart),
      dev: VITE_DEV,
      host: 'shared-worker',
      ...(isApart
        ? { more: editRules }
        : {
            more: editRulesAndClient,
            says: /client-replaced/,
            note: 'needs a reload after an edit, and says so (`client-replaced`): see below',
          }),
    }),
  ),
  {
    name: 'Vite 7, development server',
    packages: { vite: '^7', '@vitejs/plugin-react': '^5' },
    files: (template, addresses) =>
      replaced(toServer(template, addresses), 'vite.config.ts', 'server: {', `${RECIPE},\n  server: {`),
    dev: VITE_DEV,
    host: 'shared-worker',
    note: `needs \`${RECIPE}\``,
  },
  {
    name: 'Vite 8, base `/app/`',
    packages: VITE,
    files: (template) => template,
    builds: [[...VITE_BUILD, '--base', '/app/']],
    base: '/app/',
    host: 'shared-worker',
  },
  {
    name: 'Vite 8, strict Content Security Policy',
    packages: VITE,
    files: (template) => template,
    builds: [VITE_BUILD],
    headers: { 'content-security-policy': STRICT },
    host: 'shared-worker',
    note: "`script-src`, `worker-src`, `connect-src` and `style-src` are `'self'`, all else is `'none'`",
  },
  {
    name: 'Vite 8, assets on a CDN',
    packages: VITE,
    files: onCdn,
    builds: [VITE_BUILD],
    host: 'leader-tab',
    says: /partyline.*host-failed/s,
    note: 'browsers refuse a worker from another origin: says so (`host-failed`), and a tab leads',
  },
  {
    name: 'Vite 8, assets on a CDN, worker on the own origin',
    packages: VITE,
    files: (template, addresses) => ownWorker(onCdn(template, addresses)),
    builds: [COPY_WORKER, VITE_BUILD],
    host: 'shared-worker',
    note: 'with the `worker` option, see below',
  },
  {
    name: 'Vite 8, `manualChunks` that names socket.io-client',
    packages: VITE,
    files: (template) =>
      replaced(
        template,
        'vite.config.ts',
        'plugins: [react()],',
        "plugins: [react()],\n  build: { rolldownOptions: { output: { manualChunks: (id: string) => (id.includes('socket.io-client') ? 'socket' : null) } } },",
      ),
    builds: [VITE_BUILD],
    host: 'shared-worker',
  },
  {
    name: 'Vite 8, vite-plugin-pwa 2',
    packages: { ...VITE, 'vite-plugin-pwa': '^2', 'workbox-build': '^7.4.1', 'workbox-window': '^7.4.1' },
    files(template) {
      const plugin = "plugins: [react(), VitePWA({ registerType: 'autoUpdate' })],"
      const { 'vite.config.ts': config = '', ...files } = replaced(
        template,
        'vite.config.ts',
        'plugins: [react()],',
        plugin,
      )
      const register = "import { registerSW } from 'virtual:pwa-register'\nregisterSW({ immediate: true })\n"
      return {
        ...files,
        'vite.config.ts': `import { VitePWA } from 'vite-plugin-pwa'\n${config}`,
        'src/main.tsx': register + files['src/main.tsx'],
      }
    },
    builds: [VITE_BUILD],
    host: 'shared-worker',
    more: workWithoutServer,
    // A page of the former build, until it loads itself again.
    says: /status of 404|stale-build/,
    note: 'also from the precache, without the server of the files, and after an update',
  },
  {
    name: 'webpack 5, build',
    packages: { webpack: '^5', 'webpack-cli': '^7', 'esbuild-loader': '^4' },
    files: (template) => ({
      ...template,
      'bundler.config.cjs': bundlerConfig("loader: 'esbuild-loader', options: { jsx: 'automatic' }"),
      'dist/index.html': SCRIPT,
    }),
    builds: [['webpack', '-c', 'bundler.config.cjs', '--fail-on-warnings']],
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
    builds: [['rspack', 'build', '-c', 'bundler.config.cjs']],
    host: 'shared-worker',
  },
  {
    name: 'esbuild',
    packages: { esbuild: '^0.28' },
    files: (template) => ({ ...ownWorker(template), 'dist/index.html': SCRIPT }),
    builds: [
      [
        ...['esbuild', 'src/main.tsx', 'partyline-worker=partyline/worker'],
        ...['--bundle', '--splitting', '--format=esm', '--outdir=dist', '--jsx=automatic', '--minify'],
        ...['--define:process.env.NODE_ENV="production"', '--log-level=warning'],
      ],
    ],
    host: 'shared-worker',
    note: 'needs the `worker` option, see below',
  },
  {
    name: 'Parcel 2, build',
    packages: { parcel: '^2' },
    manifest: { '@parcel/resolver-default': { packageExports: true } },
    files: (template) => ({ ...template, 'index.html': page('<script type="module" src="./src/main.tsx"></script>') }),
    builds: [['parcel', 'build', 'index.html', '--dist-dir', 'dist', '--no-cache', '--log-level', 'warn']],
    host: 'shared-worker',
    note: 'needs `"@parcel/resolver-default": { "packageExports": true }` in package.json',
  },
  {
    name: 'Vite 8, pages on `file://`',
    packages: VITE,
    files: awayFrom,
    builds: [[...VITE_BUILD, '--base', './']],
    isFile: true,
    host: 'shared-worker',
    note: 'in Chromium with `--allow-file-access-from-files`: without it, Chromium loads no module from `file://`',
  },
]
