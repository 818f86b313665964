import { PROTOCOL, type Settings } from './protocol.js'

/** What tells one line's endpoint from another: its server, and for whom it is. */
export type KeySettings = Pick<Settings, 'url' | 'identity' | 'transport' | 'envelope'> &
  Partial<Pick<Settings, 'socket'>>

type SignOutSettings = Omit<KeySettings, 'url'> & { readonly url: unknown }

/** Where Socket.IO listens by default. */
const DEFAULT_PATH = '/socket.io'

/**
 * The one name from which those of the worker, the locks and the channel derive. Tabs share a hub only if all of it is
 * equal: protocol, app, endpoint and identity. The hash keeps the identity itself out of names that other scripts see.
 */
export const keyOf = (name: string, settings: KeySettings): string =>
  `partyline/v${PROTOCOL}/${name}/${hash(meaningOf(settings), 0)}`

/** A second hash of all that is in the key: of two whose keys collide, it tells that they are not one. */
export const checkOf = (name: string, settings: KeySettings): string =>
  hash(JSON.stringify([PROTOCOL, name, meaningOf(settings)]), 1)

/**
 * Whose sign-out it is, in the name of its mark. Known at the mount: only an address that is written in the options is in it. Tabs of
 * another version of the protocol hear of it too.
 */
export const signOutNameOf = (name: string, { url, ...settings }: SignOutSettings): string =>
  `${name}/${hash(canonical({ ...settings, url: typeof url === 'string' ? url : '' }), 0)}`

/** A hub gives its tabs the events by one reading of the wire: two builds that read it differently can't share one. */
const meaningOf = (settings: KeySettings): string =>
  settings.envelope ? canonical(settings) + JSON.stringify(settings.envelope) : canonical(settings)

/** A namespace is the URL's path; Socket.IO's own path is apart from that. Every other transport has only its URL. */
function canonical({ url, identity, transport = 'socket.io', socket = {} }: KeySettings): string {
  const { path = DEFAULT_PATH } = socket
  return JSON.stringify([transport, url, transport === 'socket.io' ? String(path).replace(/\/+$/, '') : '', identity])
}

/** cyrb53 (github.com/bryc/code, public domain): 53 bits, synchronous; SubtleCrypto is missing on insecure origins. */
function hash(text: string, seed: number): string {
  let high = 0xdeadbeef ^ seed
  let low = 0x41c6ce57 ^ seed
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    high = Math.imul(high ^ code, 2654435761)
    low = Math.imul(low ^ code, 1597334677)
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)
  return (4294967296 * (2097151 & low) + (high >>> 0)).toString(36)
}
