import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { withoutExcerpts } from './excerpts.js'

/** What the pages speak of without saying it: a reader has it in the app. */
const AROUND = `
import type { Line } from 'partyline'
import type { Notifier } from 'partyline/server'

declare global {
  const io: import('socket.io').Server
  const db: any
  const database: any
  const log: any
  const id: string
  const userId: string
  const accountId: string
  const user: { id: string } | null
  const auth: () => Promise<object>
  const line: Line<{ balance_updated: { accountId: string }; transaction_happened: { accountId: string } }>
  const invalidates: { balance_updated: string[] }
  const queryClient: any
  const queryFn: () => Promise<unknown>
  const fetchBalance: (id: string) => Promise<unknown>
  const notify: Notifier<any>
  type Events = { balance_updated: { accountId: string } }
  const Pages: () => null
  const trace: typeof import('@opentelemetry/api').trace
  const connectionString: string
  const http: import('node:http').Server
  const Server: typeof import('socket.io').Server
  const createNotifier: typeof import('partyline/server').createNotifier
  const createClient: any
  const createAdapter: any
  const startRelay: any
  const authenticate: () => { userId: string }
  const getToken: () => Promise<string>
  const txType: string
  const useQuery: typeof import('@tanstack/react-query').useQuery
  const usePartyline: typeof import('partyline/react').usePartyline
  const usePartylineStatus: typeof import('partyline/react').usePartylineStatus
  const createPartyline: typeof import('partyline').createPartyline
  const PartylineProvider: typeof import('partyline/react').PartylineProvider
  const isMember: (userId: string, topic: string) => Promise<boolean>
}
`

/** The pages that a reader pastes from. */
export const PAGES = [
  'README.md',
  ...readdirSync('docs').flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : [])),
  ...readdirSync('skills').map((name) => `skills/${name}/SKILL.md`),
]

/** A page's code blocks that begin with a file's name, as these files. */
export function filesOf(root: string, page: string): { readonly name: string; readonly code: string }[] {
  const text = withoutExcerpts(readFileSync(join(root, page), 'utf8'))
  const blocks = text.matchAll(/^```\w+\n(\/\/ ([\w./-]+\.\w+)\n[\s\S]*?)^```$/gm)
  return [...blocks].map(([, code = '', name = '']) => ({ name, code }))
}

/** All other code blocks in TypeScript or JavaScript, and what remains of a diff, each as a module of its own, for the compiler. */
export function snippetsOf(root: string): { readonly name: string; readonly code: string }[] {
  const snippets = PAGES.flatMap((page) => {
    const text = withoutExcerpts(readFileSync(join(root, page), 'utf8'))
    const blocks = [...text.matchAll(/^```(ts|tsx|js|jsx|mjs)\n([\s\S]*?)^```$/gm)]
    return blocks.flatMap(([, language, code = ''], index) => {
      if (/^\/\/ [\w./-]+\.\w+\n/.test(code)) return []
      const name = `src/snippets/${page.replace(/[^\w]+/g, '-')}-${index + 1}.${language === 'js' ? 'jsx' : 'tsx'}`
      // They stand in a folder below that of the pages' files.
      return [{ name, code: `${code.replaceAll("from './", "from '../")}\nexport {}\n` }]
    })
  })
  const diffs = PAGES.flatMap((page) =>
    [...readFileSync(join(root, page), 'utf8').matchAll(/^```diff\n([\s\S]*?)^```$/gm)].map(([, diff = ''], index) => ({
      name: `src/snippets/${page.replace(/[^\w]+/g, '-')}-diff-${index + 1}.tsx`,
      code: `${diff.replace(/^-.*\n/gm, '').replace(/^[+ ]/gm, '')}\nexport {}\n`,
    })),
  )
  const devtools =
    "declare module '@tanstack/react-devtools' { export const TanStackDevtools: (props: { plugins: readonly object[] }) => null }\n"
  return [
    ...snippets,
    ...diffs,
    { name: 'src/snippets/around.ts', code: AROUND },
    { name: 'src/snippets/devtools.d.ts', code: devtools },
  ]
}
