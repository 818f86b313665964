/**
 * What candidates and holders say to each other where there are no Web Locks. This file imports nothing.
 *
 * - `beat`: I hold the leadership. Said every second, on election, and as the objection to a claim.
 * - `claim`: I hear nothing of a holder, and take the leadership in this term unless somebody objects.
 * - `steal`: I take the leadership in this term, whoever holds it in a lower one.
 * - `resign`: I give up my leadership, or my claim.
 */
export interface ElectionMessage extends Rank {
  readonly election: 'beat' | 'claim' | 'steal' | 'resign'
}

/** Who goes before whom: the higher term, and within a term the smaller identifier. A total order. */
export interface Rank {
  readonly term: number
  /** Differs in every candidacy, also in those of one tab. */
  readonly candidate: string
}

export function outranks(one: Rank, other: Rank): boolean {
  return one.term > other.term || (one.term === other.term && one.candidate < other.candidate)
}

const KINDS: readonly unknown[] = ['beat', 'claim', 'steal', 'resign']

/** Tells an election's message from whatever else shares the channel. */
export function isElectionMessage(data: unknown): data is ElectionMessage {
  if (typeof data !== 'object' || data === null) return false
  const { election, term, candidate } = data as Partial<Record<keyof ElectionMessage, unknown>>
  return KINDS.includes(election) && Number.isSafeInteger(term) && typeof candidate === 'string'
}
