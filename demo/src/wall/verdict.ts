import type { Half } from '../../server/wall.js'
import type { TileState } from './place.js'

/** What the tiles of one half show, against the database. */
export interface Verdict {
  readonly agree: number
  /** Older than the database, hidden or frozen: nobody looks at them. */
  readonly wait: number
  /** Older, looked at, and they know: they fetch, or wait for the server. */
  readonly know: number
  /** Older, looked at, and nothing says so. */
  readonly wrong: number
  /** Closed, or still loading. */
  readonly away: number
}

export type Standing = 'agrees' | 'waits' | 'knows' | 'is-wrong' | 'is-away'

/** `settledVersion`: what every tile that is looked at should have by now. */
export function standingOf(tile: TileState | undefined, settledVersion: number): Standing {
  if (!tile?.data) return 'is-away'
  if (tile.data.version >= settledVersion) return 'agrees'
  if (tile.act !== 'visible') return 'waits'
  return tile.isStale ? 'knows' : 'is-wrong'
}

export function verdictOf(standings: readonly Standing[]): Verdict {
  const count = (standing: Standing) => standings.filter((one) => one === standing).length
  return {
    agree: count('agrees'),
    wait: count('waits'),
    know: count('knows'),
    wrong: count('is-wrong'),
    away: count('is-away'),
  }
}

const tiles = (count: number) => (count === 1 ? '1 tile' : `${count} tiles`)
const are = (count: number) => (count === 1 ? 'is' : 'are')

export interface Sentence {
  readonly tone: 'good' | 'busy' | 'bad'
  readonly text: string
}

/** The sentence below a half. */
export function sentenceOf({ agree, wait, know, wrong, away }: Verdict): Sentence {
  const all = agree + wait + know + wrong + away
  if (wrong > 0)
    return { tone: 'bad', text: `${tiles(wrong)} ${are(wrong)} old, and ${wrong === 1 ? 'does' : 'do'} not show it` }
  if (know > 0)
    return { tone: 'busy', text: `${tiles(know)} ${are(know)} old, and ${know === 1 ? 'shows' : 'show'} it` }
  if (away === all) return { tone: 'busy', text: 'The tiles are loading' }
  if (away > 0) return { tone: 'busy', text: `${tiles(away)} ${are(away)} opening; ${agree} agree with the database` }
  if (wait > 0)
    return { tone: 'good', text: `${agree} agree with the database; ${wait} that nobody sees will fetch when shown` }
  return { tone: 'good', text: `All ${all} tiles agree with the database` }
}

/** For those who listen: what changed since it was last said. */
export function summaryOf(
  left: Sentence,
  right: Sentence,
  counts: Readonly<Record<Half, { readonly sockets: number; readonly requests: number }>>,
): string {
  const one = (half: Half, { text }: Sentence) => {
    const { sockets, requests } = counts[half]
    return `${sockets} ${sockets === 1 ? 'socket' : 'sockets'}, ${requests} requests. ${text}.`
  }
  return `A socket in every tab: ${one('left', left)} Partyline: ${one('right', right)}`
}
