import type { QueryClientSlice } from '../invalidation/query-client.js'
import { type CompiledRule, compileRule, inWords } from '../invalidation/rule.js'
import { startsWith } from '../invalidation/target.js'
import type { FileState } from '../platform/line-powers.js'
import type { PartylineErrorCode, Report } from '../util/errors.js'
import { createRuleHints, declaredReach } from './rule-hints.js'
import { isSpeltAlike } from './spelling.js'

/** Queries of rules are on the screen for so long, and nobody is signed in. */
const NO_IDENTITY_MS = 30_000
const MAX_IDENTITY_LOOKS = 10
/** For so long after a change of the QueryClient, queries of the former one may still be on the screen. */
const CLIENT_REPLACED_MS = 10_000
/** The connection fails for so long before the server is asked over HTTP. */
const CONNECT_FAILED_MS = 30_000
/** After a mount the hints check its queries, whether there are events or not. */
const LOOK_AFTER_MOUNT_MS = 5_000

export interface HintsOptions {
  readonly report: Report
  /** The line's, to which a hot update makes a new line. */
  readonly name: string
  readonly invalidates: Readonly<Record<string, unknown>>
  /** Passed to socket.io-client. */
  readonly socket: Readonly<Record<string, unknown>>
  readonly after: (ms: number, run: () => void) => () => void
  readonly isConnected: () => boolean
  /** What the server says of the file at an address. */
  readonly look: ((url: string) => Promise<FileState>) | undefined
}

/** What is said in development alone, once for each cause. Nothing of it is in a bundle for production. */
export interface Hints {
  /** The app has called `mount`. */
  mounted(mount: { readonly queryClient: QueryClientSlice; readonly identity: unknown }): void
  /** A mount with this client has ended. */
  unmounted(client: QueryClientSlice): void
  /** These rules are in use from now on. */
  watch(rules: ReadonlyMap<string, CompiledRule>): void
  /** This was reported. */
  heard(code: PartylineErrorCode, message: string, detail?: Readonly<Record<string, unknown>>): void
}

/** The last client of each name. A hot update of the file that makes a line makes another line. */
const lastClients = new Map<string, QueryClientSlice>()
/** How often lines are mounted with a client now. */
const mountsOf = new WeakMap<QueryClientSlice, number>()

export function createHints(options: HintsOptions): Hints {
  const { report, after } = options
  /** Of the last mount. */
  let client: QueryClientSlice | undefined
  /** No mount has said who is signed in; null says that it is nobody. */
  let isIdentityMissing: boolean | undefined
  const said = new Set<string>()
  const ruleHints = createRuleHints({ report, after, client: () => client })

  function sayOnce(code: PartylineErrorCode, message: string, detail: Record<string, unknown> = {}): void {
    const subject = `${code} ${String(detail['event'])}`
    if (!said.has(subject)) report(code, message, { detail })
    said.add(subject)
  }

  function lookForIdentity(looks = 1): void {
    after(NO_IDENTITY_MS, () => {
      if (!isIdentityMissing) return
      const shown = client && shownOf(client, options.invalidates)
      if (!shown) return looks < MAX_IDENTITY_LOOKS ? lookForIdentity(looks + 1) : undefined
      const what = `${inWords(shown)} is on the screen, and identity is undefined since the first mount: nothing is connected. Give the signed-in user's id as identity, and null for nobody`
      sayOnce('no-identity', what)
    })
  }

  function lookAfterFormer(former: QueryClientSlice): void {
    after(CLIENT_REPLACED_MS, () => {
      const count = former
        .getQueryCache()
        .getAll()
        .filter((query) => query.isActive()).length
      if (mountsOf.get(former) || count === 0) return
      const what = `the line was mounted with another QueryClient, and ${count} queries on the screen are still in the former one, where no event reaches them. Create the QueryClient in a module of its own: a hot update of the file that creates it makes another one`
      sayOnce('client-replaced', what)
    })
  }

  async function lookAtServer(url: string): Promise<void> {
    const path = String(options.socket['path'] ?? '/socket.io').replace(/\/*$/, '/')
    const state = await options.look?.(new URL(`${path}?EIO=4&transport=polling`, url).href)
    if (state !== 'there' || options.isConnected()) return
    const what = `${url} answers over HTTP, and its WebSocket can't be opened: a proxy may block it. Let it pass the header Upgrade, or set socket: { transports: ['websocket', 'polling'], tryAllTransports: true }`
    sayOnce('websocket-refused', what)
  }

  const heardOf: {
    readonly [code in PartylineErrorCode]?: (message: string, detail: Readonly<Record<string, unknown>>) => void
  } = {
    'unknown-event'(_message, { event }) {
      const name = String(event)
      const own = ruleHints.unheard().find((one) => isSpeltAlike(one, name))
      if (own === undefined) return
      const what = `the server sends '${name}', which no rule has, and '${own}' has never come. Are they one event?`
      sayOnce('event-misspelt', what, { event: name })
    },
    'connect-failed'(message) {
      const url = /^can't connect to (https?:\S+): websocket error$/.exec(message)?.[1]
      if (url === undefined) return
      after(CONNECT_FAILED_MS, () => {
        if (!options.isConnected()) void lookAtServer(url)
      })
    },
    'host-failed'(_message, { reason }) {
      // Vite 8 moves the worker as well. In the versions before, nothing is at this address.
      if (!String(reason).includes('/.vite/worker.js')) return
      const what =
        "Vite has moved Partyline's modules, but not its worker. Set in vite.config: optimizeDeps: { exclude: ['partyline'], include: ['partyline > socket.io-client'] }"
      sayOnce('worker-left-out', what)
    },
  }

  return {
    mounted({ queryClient, identity }) {
      const former = lastClients.get(options.name)
      if (former && former !== queryClient) lookAfterFormer(former)
      lastClients.set(options.name, queryClient)
      mountsOf.set(queryClient, (mountsOf.get(queryClient) ?? 0) + 1)
      client = queryClient
      if (identity !== undefined) isIdentityMissing = false
      else if (isIdentityMissing === undefined) {
        isIdentityMissing = true
        lookForIdentity()
      }
      after(LOOK_AFTER_MOUNT_MS, ruleHints.planLook)
    },
    unmounted: (former) => void mountsOf.set(former, (mountsOf.get(former) ?? 0) - 1),
    watch: ruleHints.watch,
    heard: (code, message, detail = {}) => heardOf[code]?.(message, detail),
  }
}

/** The key of a query on the screen that has data and that a rule says it can reach. */
function shownOf(client: QueryClientSlice, invalidates: HintsOptions['invalidates']) {
  const rules = Object.entries(invalidates).map(([event, rule]) => compileRule(event, rule, () => undefined))
  const reached = rules.flatMap(declaredReach)
  const shown = client
    .getQueryCache()
    .getAll()
    .find(
      (query) =>
        query.isActive() &&
        query.state.status === 'success' &&
        reached.some(({ queryKey }) => startsWith(query.queryKey, queryKey)),
    )
  return shown?.queryKey
}
