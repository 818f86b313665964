import { PROTOCOL } from './protocol.js'

/**
 * The one name from which those of the worker, the locks and the channel derive. Tabs share a hub only if all of it is
 * equal: protocol, app, endpoint and identity. The hash keeps the identity itself out of names that other scripts see.
 */
export function keyOf(name: string, url: string, identity: string): string {
  return `partyline/v${PROTOCOL}/${name}/${hash(`${url}\n${identity}`)}`
}

/** cyrb53 (github.com/bryc/code, public domain): 53 bits, synchronous; SubtleCrypto is missing on insecure origins. */
function hash(text: string): string {
  let high = 0xdeadbeef
  let low = 0x41c6ce57
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    high = Math.imul(high ^ code, 2654435761)
    low = Math.imul(low ^ code, 1597334677)
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)
  return (4294967296 * (2097151 & low) + (high >>> 0)).toString(36)
}
