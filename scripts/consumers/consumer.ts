import { join } from 'node:path'
import type { BrowserContext, Page } from 'playwright'
import { filesOf } from '../pack-snippets.js'

export type Files = Readonly<Record<string, string>>
/** A program of `node_modules/.bin`, or `node`, and its arguments. */
export type Command = readonly string[]

/** One app that uses the package as a stranger would. */
export interface Consumer {
  readonly name: string
  /** Beside the package itself; they may replace React and TanStack Query. */
  readonly packages: Readonly<Record<string, string>>
  /** Neither React nor its TanStack Query is installed, and none may come along. */
  readonly isWithoutReact?: boolean
  /** More fields of its package.json. */
  readonly manifest?: object
  /** Makes the app's files from those of the template. */
  files(template: Files, addresses: Addresses): Files
  readonly builds?: readonly Command[]
  /** A development server that prints its address, instead of a build. */
  readonly dev?: Command
  /** The framework's own server of what was built. It listens on `PORT` and `HOST`; here `PORT` in an argument is the port. */
  readonly start?: Command
  /** What the server's answer holds already, before any script. */
  readonly html?: readonly RegExp[]
  /** At most so many fetches of the first tab when it is opened, and of each other one. The first fetches twice: it may have missed an event. */
  readonly opening?: readonly [first: number, other: number]
  /** Where the build puts the page. */
  readonly out?: string
  /** The path below which the page is served. */
  readonly base?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Opened as a file, and not from a server. */
  readonly isFile?: boolean
  readonly host: 'shared-worker' | 'leader-tab' | 'this-tab'
  /** What the app says in the console, rightly. */
  readonly says?: RegExp
  /** What is tried beyond the event in three tabs. Throws what is wrong. */
  more?(app: RunningApp): Promise<void>
  /** One of those that run at every commit. */
  readonly isQuick?: boolean
  /** What the docs' table says beside the figures. */
  readonly note?: string
}

export interface Addresses {
  /** The test's server: the app's files, its API and its socket. */
  readonly server: string
  /** The same files on another origin. */
  readonly cdn: string
}

/** An app in three tabs. */
export interface RunningApp {
  readonly consumer: Consumer
  readonly folder: string
  readonly address: string
  readonly context: BrowserContext
  readonly pages: readonly Page[]
  readonly server: TestServer
  /** Until it says how many tabs are on the one connection. */
  connected(pages: readonly Page[]): Promise<void>
  /** Runs a program of the app's. */
  run(command: Command): Promise<string>
}

export interface TestServer {
  readonly addresses: Addresses
  /** Fetches of pages, and connections that were opened. */
  readonly counts: { fetches: number; opened: number }
  sockets(): number
  amount(): number
  emit(event: string, metadata?: object): void
  /** Undefined: no files, but the API and the socket go on. */
  serve(app: { readonly consumer: Consumer; readonly folder: string } | undefined): void
  close(): void
}

/** What a line of the app shows to the test. */
export const SHOWN = "\nif (typeof window !== 'undefined') Object.assign(window, { line })\n"

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

export const page = (script: string, root = '') =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Consumer</title></head><body><div id="root">${root}</div>${script}</body></html>`

/** With another text in a file of the template. A template that has changed must not go by unseen. */
export function replaced(files: Files, name: string, from: string, to: string): Files {
  const text = files[name] ?? ''
  if (!text.includes(from)) throw new Error(`${name} has no ${JSON.stringify(from)}`)
  return { ...files, [name]: text.replaceAll(from, to) }
}

/** The page's origin has neither API nor socket: both are asked for at the server's address. */
export function awayFrom(files: Files, { server }: Addresses): Files {
  const absolute = (text: string) => text.replace(/fetch\((['`])\/api/g, `fetch($1${server}/api`)
  const asked = Object.fromEntries(Object.entries(files).map(([name, text]) => [name, absolute(text)]))
  return replaced(asked, 'src/realtime.ts', 'createPartyline({', `createPartyline({\n  url: '${server}',`)
}

/** The template's root component, for frameworks that render it themselves: what stands before it, and its JSX. */
export function rootOf({ 'src/main.tsx': main = '' }: Files): { readonly before: string; readonly providers: string } {
  const providers = /<QueryClientProvider[\s\S]*<\/QueryClientProvider>/.exec(main)?.[0]
  if (!providers) throw new Error('src/main.tsx renders no QueryClientProvider')
  const before = main.slice(0, main.indexOf('createRoot(')).replace(/^import .*'react(-dom\/client)?'$/gm, '')
  return { before: before.replaceAll('.tsx', '').replaceAll('realtime.ts', 'realtime'), providers }
}

/** Where a consumer's page is, below its folder. */
export const outOf = ({ out = 'dist' }: Consumer, folder: string): string => join(folder, out)
