import { simulatedSha256 } from '../../src/testing/sha256.js'
import type { World } from '../../src/testing/world.js'
import type { Settings } from '../../src/wire/protocol.js'
import type { Setting, UrlTrouble } from './command.js'
import type { SendBook } from './sends.js'

/** The users. */
export const IDENTITIES = ['ann', 'bob'] as const
export type Identity = (typeof IDENTITIES)[number]

/** The server's endpoints, each with data of its own: at its address, at another path of it, at another address. */
export const PATHS = ['', '/other', '//other.example'] as const
export type Path = (typeof PATHS)[number]

const ADDRESS = 'https://api.example'

/** The address of an endpoint. Socket.IO has the path as an option of its own. */
export function addressOf(
  path: Path,
  transport: Setting['transport'],
): { readonly url: string; readonly path: string } {
  if (path.startsWith('//')) return { url: `https:${path}`, path: '' }
  return transport === 'websocket' ? { url: `${ADDRESS}${path}`, path: '' } : { url: ADDRESS, path }
}

/** Which endpoint a line asks for. */
export function endpointOf({ url, socket }: Pick<Settings, 'url' | 'socket'>): string {
  const { origin, host, pathname } = new URL(url)
  if (origin !== ADDRESS) return `//${host}`
  return String(socket['path'] ?? pathname.replace(/\/$/, ''))
}

/** The data of a query: its owner, and the version of every row in it. */
export interface Shown {
  readonly owner: string
  readonly versions: readonly number[]
}

/** How many rows each identity has. */
const ROW_COUNT = 4
/** How many rooms there are. Their members are whoever joins their topic. */
export const ROOM_COUNT = 2

/** The queries that an app may use: two single rows, a list of all, and a list of each type (a row's number is odd or even). */
export const QUERIES: readonly (readonly unknown[])[] = [
  ['row', 0],
  ['row', 1],
  ['list'],
  ['list', { type: 'even' }],
  ['list', { type: 'odd' }],
]

export const roomKey = (room: number): readonly unknown[] => ['room', room]

/** The name under which a user's rows of one endpoint go. */
export const ownerOf = (who: Identity, path: Path): string => `${who}${path}`

const typeOf = (row: number) => (row % 2 === 0 ? 'even' : 'odd')

function rowsOf([head, what]: readonly unknown[]): number[] {
  if (head === 'row') return [what as number]
  const type = (what as { type?: string } | undefined)?.type
  return Array.from({ length: ROW_COUNT }, (_, row) => row).filter((row) => type === undefined || typeOf(row) === type)
}

/**
 * What the server writes into an event of a request that named itself. On a wire of older tabs the name goes in clear;
 * else its hash does.
 */
const originIn = (header: string): string => (/\.\d+$/.test(header) ? header : simulatedSha256(header).slice(0, 22))

interface WriteOptions {
  readonly path?: Path
  /** The header by which the request named itself. */
  readonly origin?: string | undefined
  /** The browsers spread their fetches over so long. Milliseconds. */
  readonly spreadMs?: number
  /** The event names no row: any may have changed. */
  readonly all?: boolean
}

/** The app's server behind the sockets: rows with versions, tokens, and an event for every write, after its commit. */
export function createBackend(setting: Pick<Setting, 'cookie' | 'tokenLifeMs'>, now: () => number, sends: SendBook) {
  const versions = new Map<string, number[]>()
  const rooms = Array.from({ length: ROOM_COUNT }, () => 0)
  const tokens = new Map<string, { readonly who: Identity; readonly endsAt: number }>()
  const current = new Map<Identity, string>()
  /** Who signed in last: whoever asks with the browser's cookie is taken for them. */
  let cookie: Identity | undefined
  let issued = 0
  let events = 0
  /** The last origin that an event to a room's members carried. */
  let seenOrigin: string | undefined
  let urlTrouble: UrlTrouble | undefined

  function issue(who: Identity): string {
    const token = `${who}-token-${++issued}`
    tokens.set(token, { who, endsAt: now() + (setting.tokenLifeMs || Number.POSITIVE_INFINITY) })
    current.set(who, token)
    return token
  }
  const find = (auth: unknown) => tokens.get((auth as { token?: string } | null)?.token ?? '')
  const rowsFor = (owner: string): number[] => {
    const known = versions.get(owner) ?? Array.from({ length: ROW_COUNT }, () => 0)
    versions.set(owner, known)
    return known
  }
  const revoke = (who: Identity) => {
    for (const [token, { who: owner }] of tokens) if (owner === who) tokens.delete(token)
  }
  const isSignedIn = (who: Identity) => current.has(who) && (!setting.cookie || cookie === who)

  return {
    sends,
    identify(auth: unknown): Identity | undefined {
      const found = find(auth)
      return found && found.endsAt > now() ? found.who : undefined
    },
    expiryOf(auth: unknown): number | undefined {
      const endsAt = find(auth)?.endsAt
      return endsAt === Number.POSITIVE_INFINITY ? undefined : endsAt
    },
    /** The token that a signed-in app has in its storage; undefined after a sign-out. */
    token: (who: Identity) => (isSignedIn(who) ? current.get(who) : undefined),
    /** A token for whoever the server takes the browser for, with its end. It is fresh if the last one ends soon. */
    credentials(who: Identity): { readonly token: string; readonly expiresAt?: number } {
      const asked = setting.cookie ? cookie : who
      const known = asked === undefined ? undefined : current.get(asked)
      if (asked === undefined || known === undefined) return { token: 'none' }
      const endsAt = tokens.get(known)?.endsAt ?? 0
      const token = endsAt - now() < setting.tokenLifeMs / 2 ? issue(asked) : known
      return { token, ...(setting.tokenLifeMs > 0 && { expiresAt: tokens.get(token)?.endsAt ?? 0 }) }
    },
    signIn(who: Identity): void {
      cookie = who
      if (!current.has(who)) issue(who)
    },
    /** Makes all tokens of a user invalid; the app gets a new one. */
    expire(who: Identity): void {
      revoke(who)
      if (current.has(who)) issue(who)
    },
    signOut(who: Identity): void {
      revoke(who)
      current.delete(who)
      if (cookie === who) cookie = undefined
    },
    read(who: Identity, key: readonly unknown[], path: Path): Shown {
      if (key[0] === 'room') return { owner: 'room', versions: [rooms[key[1] as number] ?? -1] }
      const all = rowsFor(ownerOf(who, path))
      return { owner: ownerOf(who, path), versions: rowsOf(key).map((row) => all[row] ?? -1) }
    },
    write(world: World, who: Identity, row: number, options: WriteOptions = {}): void {
      const { path = '', origin, spreadMs, all = false } = options
      const owner = ownerOf(who, path)
      const rows = rowsFor(owner)
      rows[row] = (rows[row] ?? 0) + 1
      const reserved = {
        ...(origin !== undefined && { origin: originIn(origin) }),
        ...(spreadMs !== undefined && { spreadMs }),
      }
      const emit = (name: string, metadata: object) => {
        const _line = Object.keys(reserved).length > 0 && { _line: reserved }
        world.server.emit(who, name, { owner, n: ++events, ...metadata, ..._line }, path)
      }
      emit('row_changed', all ? { all: true } : { row })
      emit('list_changed', { type: typeOf(row) })
    },
    writeRoom(world: World, room: number, origin?: string): void {
      rooms[room] = (rooms[room] ?? 0) + 1
      seenOrigin = origin === undefined ? undefined : originIn(origin)
      const _line = seenOrigin !== undefined && { _line: { origin: seenOrigin } }
      world.server.emitTo(`room-${room}`, 'room_changed', { room, n: ++events, ..._line })
    },
    /** What happens to those who ask for the address from now on. */
    disturbUrl(how: UrlTrouble | undefined): void {
      urlTrouble = how
    },
    urlTrouble: () => urlTrouble,
    /** What any member of a room has seen in its last event. */
    seenOrigin: () => seenOrigin,
  }
}

export type Backend = ReturnType<typeof createBackend>
