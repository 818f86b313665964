/**
 * What candidates and holders say to each other where there are no Web Locks. This file imports nothing.
 *
 * - `beat`: I hold the office. Said every second, on election, and as the objection to a claim.
 * - `claim`: I hear nothing of a holder, and take the office in this term unless somebody objects.
 * - `depose`: I take the office in this term, whoever holds it in a lower one.
 * - `resign`: I lay down my office, or my claim.
 */
export interface ElectionMessage extends Rank {
  readonly election: 'beat' | 'claim' | 'depose' | 'resign'
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

const KINDS: readonly unknown[] = ['beat', 'claim', 'depose', 'resign']

/** Tells an election's message from whatever else shares the channel. */
export function isElectionMessage(data: unknown): data is ElectionMessage {
  if (typeof data !== 'object' || data === null) return false
  const { election, term, candidate } = data as Partial<Record<keyof ElectionMessage, unknown>>
  return KINDS.includes(election) && Number.isSafeInteger(term) && typeof candidate === 'string'
}
