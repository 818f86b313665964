/** The pages of the site in their order. `npm run prose` checks that each page stands here once. */
interface Section {
  readonly text: string
  readonly collapsed?: boolean
  readonly items: { readonly text: string; readonly link: string }[]
}

const section = (text: string, pages: Record<string, string>): Section => ({
  text,
  items: Object.entries(pages).map(([page, title]) => ({ text: title, link: `/${page}` })),
})

export const GUIDES: Section[] = [
  section('Start', {
    'getting-started': 'Getting started',
    'how-it-works': 'How it works',
    migrating: 'Migrating',
    faq: 'FAQ',
  }),
  section('Queries', {
    rules: 'Rules, targets and scopes',
    recovery: 'Recovery',
    'own-writes': 'Own writes and optimistic updates',
    'many-windows': 'Many windows',
    'hidden-tabs': 'Hidden tabs, manual mode, infinite lists',
  }),
  section('Connection', {
    'sign-in': 'Sign-in, tokens, sign-out',
    topics: 'Topics',
    sending: 'Sending',
    'in-one-tab': 'In one tab',
    transports: 'Transports',
    sse: 'Server-Sent Events',
    'hosted-services': 'Hosted services',
  }),
  section('Servers', {
    backends: 'Backends',
    server: 'Node with Socket.IO',
    'backend-express': 'Express',
    'backend-fastify': 'Fastify',
    'backend-nestjs': 'NestJS',
    'backend-nextjs': 'Next.js',
    'backend-fastapi': 'FastAPI',
    'backend-python-socketio': 'python-socketio',
    'backend-django': 'Django',
    'backend-go': 'Go',
    'existing-servers': 'Your server as it is',
    outbox: 'Outbox',
    deploy: 'Deploying',
    scale: 'Scale',
  }),
  section('Apps', {
    browsers: 'Browsers, bundlers, CSP',
    frameworks: 'Frameworks',
    devtools: 'Devtools',
    inspect: 'Inspecting',
    testing: 'Testing',
  }),
]

export const REFERENCE: Section[] = [
  section('Reference', {
    options: 'Options',
    status: 'Status and receipts',
    performance: 'Performance',
    errors: 'Errors',
    'api/': 'API',
    protocol: 'Protocol',
    glossary: 'Glossary',
    architecture: 'Architecture',
    security: 'Security',
  }),
]

/** The site's `/llms.txt` (https://llmstxt.org): its pages as Markdown, for coding agents. `about` is the site in one sentence. */
export const llmsText = (about: string): string =>
  [
    `# Partyline\n\n> ${about}`,
    ...[...GUIDES, ...REFERENCE].map(({ text, items }) => {
      const pages = items.filter(({ link }) => !link.endsWith('/'))
      return `## ${text}\n\n${pages.map((page) => `- [${page.text}](${page.link}.md)`).join('\n')}`
    }),
  ].join('\n\n')
