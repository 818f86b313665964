import { type Addresses, awayFrom, type Consumer, type Files, page, rootOf, SHOWN } from './consumer.js'

/** The template's files in an app whose framework renders the root component: `at` names it. */
function inRoot(template: Files, addresses: Addresses | undefined, folder: string, at: string, wrap: Wrap): Files {
  const files = addresses ? awayFrom(template, addresses) : template
  const { before, providers } = rootOf(files)
  return {
    [`${folder}/realtime.ts`]: files['src/realtime.ts'] ?? '',
    [`${folder}/App.tsx`]: (files['src/App.tsx'] ?? '').replace('./realtime.ts', './realtime'),
    [at]: wrap(`${before}${SHOWN}`, providers),
  }
}
type Wrap = (before: string, providers: string) => string

const CLIENT = 'const queryClient = new QueryClient()'

/** As create-next-app does. Without them, the build installs them. */
const NEXT = { next: '^16', typescript: '~5.9', '@types/react': '^19', '@types/node': '^20' }
const NEXT_LAYOUT =
  'export default ({ children }) => <html lang="en"><head><title>Consumer</title></head><body>{children}</body></html>\n'
const nextConfig = (more: string) =>
  `export default { ${more}typescript: { ignoreBuildErrors: true }, turbopack: { root: import.meta.dirname } }\n`

/** What the server renders: the status of a line that nothing has opened. */
const IDLE = /idle(<!-- -->)?, (<!-- -->)?0(<!-- -->)? tabs/

const next = (bundler: 'turbopack' | 'webpack'): Consumer => ({
  name: `Next.js 16, ${bundler === 'webpack' ? 'webpack' : 'Turbopack'}, static export`,
  packages: NEXT,
  files: (template) => ({
    ...inRoot(
      template,
      undefined,
      'app',
      'app/page.tsx',
      (before, providers) => `'use client'\n${before}\nexport default function Page() {\n  return (${providers})\n}\n`,
    ),
    'app/layout.jsx': NEXT_LAYOUT,
    'next.config.mjs': nextConfig("output: 'export', "),
  }),
  builds: [['next', 'build', `--${bundler}`]],
  out: 'out',
  host: 'shared-worker',
  html: [IDLE],
  isQuick: bundler === 'turbopack',
})

/** One query is awaited by the server, and one is streamed after the page. */
function hydrated(template: Files, addresses: Addresses): Files {
  const { before, providers } = rootOf(awayFrom(template, addresses))
  const files = awayFrom(template, addresses)
  const client = `import { defaultShouldDehydrateQuery, isServer, QueryClient } from '@tanstack/react-query'
const make = () => new QueryClient({
  defaultOptions: {
    queries: { staleTime: 60_000 },
    dehydrate: { shouldDehydrateQuery: (query) => defaultShouldDehydrateQuery(query) || query.state.status === 'pending' },
  },
})
let client: QueryClient | undefined
export const getQueryClient = () => (isServer ? make() : (client ??= make()))
export const read = async (name: string): Promise<{ amount: number }> =>
  (await fetch('${addresses.server}/api/' + name, { cache: 'no-store' })).json()
`
  return {
    'app/realtime.ts': files['src/realtime.ts'] ?? '',
    'app/App.tsx': `'use client'\n${(files['src/App.tsx'] ?? '').replace('./realtime.ts', './realtime')}`,
    'app/query-client.ts': client,
    'app/providers.tsx': `'use client'
${before.replace(CLIENT, '').replace('QueryClient, ', '')}
import { getQueryClient } from './query-client'
${SHOWN}
export function Providers({ children }: { children: unknown }) {
  const queryClient = getQueryClient()
  return (${providers.replace('<App />', '{children as never}')})
}
`.replace("import App from './App'\n", ''),
    'app/Streamed.tsx': `'use client'
import { useSuspenseQuery } from '@tanstack/react-query'
import { read } from './query-client'
export function Streamed() {
  const { data } = useSuspenseQuery({ queryKey: ['transactions'], queryFn: () => read('slow') })
  return <p>streamed {data.amount >= 100 ? 'data' : 'nothing'}</p>
}
`,
    'app/page.tsx': `import { dehydrate, HydrationBoundary } from '@tanstack/react-query'
import { Suspense } from 'react'
import App from './App'
import { Providers } from './providers'
import { getQueryClient, read } from './query-client'
import { Streamed } from './Streamed'
export const dynamic = 'force-dynamic'
export default async function Page() {
  const queryClient = getQueryClient()
  await queryClient.prefetchQuery({ queryKey: ['balance', '7'], queryFn: () => read('accounts/7/balance') })
  void queryClient.prefetchQuery({ queryKey: ['transactions'], queryFn: () => read('slow') })
  return (
    <Providers>
      <HydrationBoundary state={dehydrate(queryClient)}>
        <App />
        <Suspense fallback={<p>streaming</p>}><Streamed /></Suspense>
      </HydrationBoundary>
    </Providers>
  )
}
`,
    'app/layout.jsx': NEXT_LAYOUT,
    'next.config.mjs': nextConfig(''),
  }
}

const REACT_VITE = { vite: '^8.3.8', '@vitejs/plugin-react': '^6.0.0' }

export const FRAMEWORKS: readonly Consumer[] = [
  next('turbopack'),
  next('webpack'),
  {
    name: 'Next.js 16, `next start`, HydrationBoundary, streaming',
    packages: NEXT,
    files: hydrated,
    builds: [['next', 'build', '--turbopack']],
    start: ['next', 'start', '-H', '127.0.0.1', '-p', 'PORT'],
    host: 'shared-worker',
    html: [IDLE, /<h1>1\d\d<\/h1>/, /streamed (<!-- -->)?data/],
    note: '',
  },
  {
    name: 'React Router 7, framework mode',
    packages: {
      vite: '^7',
      '@react-router/dev': '7.18.4',
      '@react-router/node': '7.18.4',
      '@react-router/serve': '7.18.4',
      'react-router': '7.18.4',
      isbot: '^5',
    },
    files: (template, addresses) => ({
      ...inRoot(
        template,
        addresses,
        'app',
        'app/home.tsx',
        (before, providers) => `${before}\nexport default function Home() {\n  return (${providers})\n}\n`,
      ),
      'app/root.tsx': `import { Links, Meta, Outlet, Scripts } from 'react-router'
export default function Root() {
  return <html lang="en"><head><meta charSet="utf-8" /><title>Consumer</title><Meta /><Links /></head><body><Outlet /><Scripts /></body></html>
}
`,
      'app/routes.ts': "import { index } from '@react-router/dev/routes'\nexport default [index('home.tsx')]\n",
      'react-router.config.ts': `export default {
  ssr: true,
  future: {
    v8_middleware: true,
    v8_passThroughRequests: true,
    v8_splitRouteModules: true,
    v8_trailingSlashAwareDataRequests: true,
    v8_viteEnvironmentApi: true,
  },
}
`,
      'vite.config.ts':
        "import { reactRouter } from '@react-router/dev/vite'\nexport default { plugins: [reactRouter()] }\n",
    }),
    builds: [['react-router', 'build']],
    start: ['react-router-serve', 'build/server/index.js'],
    host: 'shared-worker',
    html: [IDLE],
  },
  {
    name: 'TanStack Start, React',
    packages: { ...REACT_VITE, '@tanstack/react-start': '^1.169', '@tanstack/react-router': '^1.170' },
    files: (template, addresses) => ({
      ...inRoot(
        template,
        addresses,
        'src',
        'src/routes/index.tsx',
        (before, providers) =>
          `import { createFileRoute } from '@tanstack/react-router'\n${before.replaceAll("'./", "'../")}
export const Route = createFileRoute('/')({ component: () => (${providers}) })
`,
      ),
      'src/routes/__root.tsx': `import { createRootRoute, HeadContent, Outlet, Scripts } from '@tanstack/react-router'
export const Route = createRootRoute({
  head: () => ({ meta: [{ title: 'Consumer' }] }),
  component: () => <html lang="en"><head><HeadContent /></head><body><Outlet /><Scripts /></body></html>,
})
`,
      'src/router.tsx': `import { createRouter } from '@tanstack/react-router'
import { routeTree } from './routeTree.gen'
export const getRouter = () => createRouter({ routeTree })
`,
      'vite.config.ts': `import { tanstackStart } from '@tanstack/react-start/plugin/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'
export default defineConfig({ plugins: [tanstackStart(), react()] })
`,
    }),
    builds: [['vite', 'build', '--logLevel', 'warn']],
    start: ['vite', 'preview', '--host', '127.0.0.1', '--port', 'PORT'],
    host: 'shared-worker',
    html: [IDLE],
  },
  {
    name: 'Astro 5 with React, two islands',
    packages: { astro: '^5', '@astrojs/react': '^4' },
    files(template) {
      const island =
        (content: string): Wrap =>
        (before, providers) =>
          `${before.replace(CLIENT, "import { queryClient } from './query-client'").replace('QueryClient, ', '')}
import { usePartylineStatus } from 'partyline/react'
const Second = () => <p>second: {usePartylineStatus().name}</p>
export default function Island() {
  return (${providers.replace('<App />', content)})
}
`
      return {
        ...inRoot(template, undefined, 'src', 'src/First.tsx', island('<App />')),
        ...inRoot(template, undefined, 'src', 'src/Other.tsx', island('<Second />')),
        'src/query-client.ts': `import { QueryClient } from '@tanstack/react-query'\nexport ${CLIENT}\n`,
        'src/pages/index.astro': `---
import First from '../First'
import Other from '../Other'
---
<html lang="en"><head><meta charset="utf-8"><title>Consumer</title></head><body><First client:load /><Other client:load /></body></html>
`,
        'astro.config.mjs':
          "import react from '@astrojs/react'\nexport default { integrations: [react()], devToolbar: { enabled: false } }\n",
      }
    },
    builds: [['astro', 'build']],
    host: 'shared-worker',
    html: [IDLE],
    async more({ pages }) {
      for (const page of pages) await page.getByText('second: connected').waitFor()
    },
    note: 'each island has the provider, and all have one QueryClient',
  },
  {
    name: 'Nuxt 4 (`partyline/vue`)',
    packages: { nuxt: '~4.3', '@tanstack/vue-query': '^5', vue: '^3.5' },
    isWithoutReact: true,
    files: (template, addresses) => ({
      'app/realtime.ts': awayFrom(template, addresses)['src/realtime.ts'] ?? '',
      'app/plugins/vue-query.ts': `import { dehydrate, hydrate, QueryClient, VueQueryPlugin } from '@tanstack/vue-query'
export default defineNuxtPlugin((nuxt) => {
  const state = useState<ReturnType<typeof dehydrate> | null>('vue-query')
  const queryClient = new QueryClient({ defaultOptions: { queries: { staleTime: 5_000 } } })
  nuxt.vueApp.use(VueQueryPlugin, { queryClient })
  if (import.meta.server) nuxt.hooks.hook('app:rendered', () => { state.value = dehydrate(queryClient) })
  else hydrate(queryClient, state.value)
})
`,
      'app/app.vue': `<script setup lang="ts">
import { providePartyline } from 'partyline/vue'
import Balance from './Balance.vue'
import { line } from './realtime'
providePartyline(line, {
  identity: 'ann',
  auth: async () => (await fetch('${addresses.server}/api/socket-token')).json(),
})
if (import.meta.client) Object.assign(window, { line })
</script>
<template><Balance /></template>
`,
      'app/Balance.vue': `<script setup lang="ts">
import { useQuery } from '@tanstack/vue-query'
import { usePartylineStatus, useServerEvent } from 'partyline/vue'
import { onServerPrefetch, ref } from 'vue'
import { line } from './realtime'
const { data, suspense } = useQuery({
  queryKey: ['balance', '7'],
  queryFn: async () => (await fetch('${addresses.server}/api/accounts/7/balance')).json(),
})
onServerPrefetch(suspense)
const status = usePartylineStatus()
const note = ref('')
useServerEvent(line, 'balance_updated', (m) => { note.value = 'Account ' + m.accountId + ' has changed' })
const deposit = () => fetch('${addresses.server}/api/accounts/7/deposit', { method: 'POST' })
</script>
<template>
  <p>{{ status.name }}, {{ status.tabs }} tabs on one socket</p>
  <h1>{{ data?.amount ?? '…' }}</h1>
  <button type="button" @click="deposit">Deposit 10</button>
  <p>{{ note }}</p>
</template>
`,
      'nuxt.config.ts':
        "export default defineNuxtConfig({ compatibilityDate: '2025-07-15', telemetry: false, devtools: { enabled: false } })\n",
    }),
    builds: [['nuxt', 'build']],
    start: ['node', '.output/server/index.mjs'],
    host: 'shared-worker',
    html: [IDLE, /<h1>1\d\d<\/h1>/],
    // The server has fetched.
    opening: [1, 0],
  },
  {
    name: 'SvelteKit 2 (`partyline/svelte`)',
    packages: {
      vite: '^7',
      '@sveltejs/kit': '^2',
      '@sveltejs/adapter-node': '^5',
      '@sveltejs/vite-plugin-svelte': '^6',
      '@tanstack/svelte-query': '^6',
      svelte: '^5',
    },
    isWithoutReact: true,
    files: (template, addresses) => ({
      'src/lib/realtime.ts': awayFrom(template, addresses)['src/realtime.ts'] ?? '',
      'src/app.html':
        '<!doctype html><html lang="en"><head><meta charset="utf-8">%sveltekit.head%</head><body><div style="display: contents">%sveltekit.body%</div></body></html>',
      'src/routes/+layout.ts': `import { QueryClient } from '@tanstack/svelte-query'
import { browser } from '$app/environment'
export const load = () => ({
  queryClient: new QueryClient({ defaultOptions: { queries: { enabled: browser, staleTime: 5_000 } } }),
})
`,
      'src/routes/+layout.svelte': `<script lang="ts">
  import { QueryClientProvider } from '@tanstack/svelte-query'
  let { data, children } = $props()
</script>
<QueryClientProvider client={data.queryClient}>{@render children()}</QueryClientProvider>
`,
      'src/routes/+page.ts': `export const load = async ({ parent, fetch }) => {
  const { queryClient } = await parent()
  await queryClient.prefetchQuery({
    queryKey: ['balance', '7'],
    queryFn: async () => (await fetch('${addresses.server}/api/accounts/7/balance')).json(),
  })
}
`,
      'src/routes/+page.svelte': `<script lang="ts">
  import { providePartyline } from 'partyline/svelte'
  import { line } from '$lib/realtime'
  import Balance from '$lib/Balance.svelte'
  providePartyline(line, {
    identity: 'ann',
    auth: async () => (await fetch('${addresses.server}/api/socket-token')).json(),
  })
  if (typeof window !== 'undefined') Object.assign(window, { line })
</script>
<svelte:head><title>Consumer</title></svelte:head>
<Balance />
`,
      'src/lib/Balance.svelte': `<script lang="ts">
  import { createQuery } from '@tanstack/svelte-query'
  import { usePartylineStatus, useServerEvent } from 'partyline/svelte'
  import { line } from '$lib/realtime'
  const balance = createQuery(() => ({
    queryKey: ['balance', '7'],
    queryFn: async () => (await fetch('${addresses.server}/api/accounts/7/balance')).json(),
  }))
  const status = usePartylineStatus()
  let note = $state('')
  useServerEvent(line, 'balance_updated', (m) => (note = 'Account ' + m.accountId + ' has changed'))
  const deposit = () => fetch('${addresses.server}/api/accounts/7/deposit', { method: 'POST' })
</script>
<p>{$status.name}, {$status.tabs} tabs on one socket</p>
<h1>{balance.data?.amount ?? '…'}</h1>
<button type="button" onclick={deposit}>Deposit 10</button>
<p>{note}</p>
`,
      'svelte.config.js':
        "import adapter from '@sveltejs/adapter-node'\nexport default { kit: { adapter: adapter() } }\n",
      'vite.config.ts': "import { sveltekit } from '@sveltejs/kit/vite'\nexport default { plugins: [sveltekit()] }\n",
    }),
    builds: [['vite', 'build', '--logLevel', 'warn']],
    start: ['node', 'build'],
    host: 'shared-worker',
    html: [IDLE, /<h1>1\d\d<\/h1>/],
    opening: [1, 0],
  },
  {
    name: 'Vite 8, Solid, rendered on the server (`partyline/solid`)',
    packages: { vite: '^8.3.8', 'vite-plugin-solid': '^2.11', '@tanstack/solid-query': '^5', 'solid-js': '^1.9' },
    isWithoutReact: true,
    files: (template) => ({
      'src/realtime.ts': template['src/realtime.ts'] ?? '',
      'src/App.tsx': `import { QueryClient, QueryClientProvider, useQuery } from '@tanstack/solid-query'
import { PartylineProvider, usePartylineStatus, useServerEvent } from 'partyline/solid'
import { createSignal } from 'solid-js'
import { line } from './realtime'

function Balance() {
  const balance = useQuery(() => ({
    queryKey: ['balance', '7'],
    queryFn: async () => (await fetch('/api/accounts/7/balance')).json(),
    enabled: typeof window !== 'undefined',
  }))
  const status = usePartylineStatus()
  const [note, setNote] = createSignal('')
  useServerEvent(line, 'balance_updated', (m) => setNote('Account ' + m.accountId + ' has changed'))
  return (
    <main>
      <p>{status().name}, {status().tabs} tabs on one socket</p>
      <h1>{balance.isSuccess ? balance.data.amount : '…'}</h1>
      <button type="button" onClick={() => fetch('/api/accounts/7/deposit', { method: 'POST' })}>Deposit 10</button>
      <p>{note()}</p>
    </main>
  )
}
export function App() {
  const auth = async () => (await fetch('/api/socket-token')).json()
  return (
    <QueryClientProvider client={new QueryClient()}>
      <PartylineProvider line={line} identity="ann" auth={auth}>
        <Balance />
      </PartylineProvider>
    </QueryClientProvider>
  )
}
`,
      'src/main.tsx': `import { hydrate } from 'solid-js/web'
import { App } from './App'
import { line } from './realtime'
hydrate(() => <App />, document.getElementById('root')!)
${SHOWN}`,
      'src/server.tsx': `import { generateHydrationScript, renderToStringAsync } from 'solid-js/web'
import { App } from './App'
export const render = async () => ({ script: generateHydrationScript(), root: await renderToStringAsync(() => <App />) })
`,
      'prerender.js': `import { readFileSync, writeFileSync } from 'node:fs'
import { render } from './server/server.js'
const { script, root } = await render()
const text = readFileSync('dist/index.html', 'utf8')
writeFileSync('dist/index.html', text.replace('</head>', script + '</head>').replace('<div id="root">', '<div id="root">' + root))
`,
      'index.html': page('<script type="module" src="/src/main.tsx"></script>'),
      'vite.config.ts': "import solid from 'vite-plugin-solid'\nexport default { plugins: [solid({ ssr: true })] }\n",
    }),
    builds: [
      ['vite', 'build', '--logLevel', 'warn'],
      ['vite', 'build', '--logLevel', 'warn', '--ssr', 'src/server.tsx', '--outDir', 'server'],
      ['node', 'prerender.js'],
    ],
    host: 'shared-worker',
    html: [/idle/],
  },
]
