import type { World } from '../../src/testing/world.js'

/** The users. */
export const IDENTITIES = ['ann', 'bob'] as const
export type Identity = (typeof IDENTITIES)[number]

/** The data of a query: its owner, and the version of every row in it. */
export interface Shown {
  readonly owner: Identity
  readonly versions: readonly number[]
}

/** How many rows each identity has. */
const ROW_COUNT = 4

/** The queries that an app may use: two single rows, a list of all, and a list of each type (a row's number is odd or even). */
export const QUERIES: readonly (readonly unknown[])[] = [
  ['row', 0],
  ['row', 1],
  ['list'],
  ['list', { type: 'even' }],
  ['list', { type: 'odd' }],
]

const typeOf = (row: number) => (row % 2 === 0 ? 'even' : 'odd')

function rowsOf([head, what]: readonly unknown[]): number[] {
  if (head === 'row') return [what as number]
  const type = (what as { type?: string } | undefined)?.type
  return Array.from({ length: ROW_COUNT }, (_, row) => row).filter((row) => type === undefined || typeOf(row) === type)
}

/** The app's server behind the sockets: rows with versions, tokens, and an event for every write, after its commit. */
export function createBackend() {
  const versions = new Map<Identity, number[]>(
    IDENTITIES.map((who) => [who, Array.from({ length: ROW_COUNT }, () => 0)]),
  )
  const tokens = new Map<string, Identity>()
  const current = new Map<Identity, string>()
  let issued = 0

  function issue(who: Identity): string {
    const token = `${who}-token-${++issued}`
    tokens.set(token, who)
    current.set(who, token)
    return token
  }
  const identify = (auth: unknown): Identity | undefined => tokens.get((auth as { token?: string } | null)?.token ?? '')

  return {
    identify,
    /** The token that a signed-in app has in its storage; undefined after a sign-out. */
    token: (who: Identity) => current.get(who),
    signIn: (who: Identity) => current.get(who) ?? issue(who),
    /** Makes all tokens of a user invalid; the app gets a new one. */
    expire(who: Identity): void {
      for (const [token, owner] of tokens) if (owner === who) tokens.delete(token)
      if (current.has(who)) issue(who)
    },
    signOut(who: Identity): void {
      for (const [token, owner] of tokens) if (owner === who) tokens.delete(token)
      current.delete(who)
    },
    read(who: Identity, key: readonly unknown[]): Shown {
      const all = versions.get(who) ?? []
      return { owner: who, versions: rowsOf(key).map((row) => all[row] ?? -1) }
    },
    write(world: World, who: Identity, row: number): void {
      const all = versions.get(who)
      if (!all) return
      all[row] = (all[row] ?? 0) + 1
      const emit = (name: string, metadata: object) => world.server.emit(who, name, { owner: who, ...metadata })
      emit('row_changed', { row })
      emit('list_changed', { type: typeOf(row) })
    },
  }
}

export type Backend = ReturnType<typeof createBackend>
