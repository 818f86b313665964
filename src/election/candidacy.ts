import type { HubEnvironment } from '../platform/environment.js'
import type { Leadership } from './elector.js'

/**
 * The messages of candidates where there are no Web Locks.
 *
 * - `beat`: I hold the leadership. Sent every second, on election, and as the objection to a claim.
 * - `claim`: I know of no holder, and take the leadership in this term unless somebody objects.
 * - `steal`: I take the leadership in this term from any holder in a lower one.
 * - `resign`: I give up my leadership, or my claim.
 */
interface ElectionMessage extends Rank {
  readonly election: 'beat' | 'claim' | 'steal' | 'resign'
}

/** A candidate's rank: the higher term goes first, and within a term the smaller identifier. A total order. */
interface Rank {
  readonly term: number
  /** Differs in every candidacy, also in those of one tab. */
  readonly candidate: string
}

const outranks = (one: Rank, other: Rank): boolean =>
  one.term > other.term || (one.term === other.term && one.candidate < other.candidate)

/**
 * The term of a newcomer's claim, below every other: a holder that is merely too busy to object in time keeps the
 * leadership as soon as it does.
 */
const NEWCOMER_TERM = 0

const ELECTION_MESSAGES: readonly unknown[] = ['beat', 'claim', 'steal', 'resign']
/**
 * Terms begin at the wall clock and count elections. So one that is further ahead of it than this (100 years) is nobody's,
 * even where a clock was set wrong. It would leave no numbers to count on with: above 2^53 there is no next one.
 */
const MAX_TERM_AHEAD = 100 * 365 * 86_400_000
/** No candidate has a longer name. */
const MAX_CANDIDATE_LENGTH = 200

/** Tells an election's message from anything else on the channel, where any script of this origin may post. */
function isElectionMessage(data: unknown, now: number): data is ElectionMessage {
  if (typeof data !== 'object' || data === null) return false
  const { election, term, candidate } = data as Partial<Record<keyof ElectionMessage, unknown>>
  return (
    ELECTION_MESSAGES.includes(election) &&
    Number.isSafeInteger(term) &&
    (term as number) >= NEWCOMER_TERM &&
    (term as number) <= now + MAX_TERM_AHEAD &&
    typeof candidate === 'string' &&
    candidate.length > 0 &&
    candidate.length <= MAX_CANDIDATE_LENGTH
  )
}

/** The terms that one elector knows of, over all its candidacies. */
export interface Terms {
  learn(term: number): void
  next(): number
}

/**
 * Terms count up from the highest known one. They start from the wall clock, which all tabs share. So a newcomer that steals
 * from a silent holder, of which it never heard, still outranks that holder when it wakes. Where the clock was set back
 * meanwhile, the former holder wins when it wakes, and there is one holder all the same.
 */
export function createTerms(clock: Pick<HubEnvironment['clock'], 'now'>): Terms {
  let highest = 0
  return {
    learn(term) {
      highest = Math.max(highest, term)
    },
    next() {
      highest = Math.max(highest + 1, Math.floor(clock.now()))
      return highest
    },
  }
}

export type HeartbeatPowers = Pick<HubEnvironment, 'clock' | 'timers' | 'random' | 'id'> & {
  readonly openChannel: NonNullable<HubEnvironment['openChannel']>
}

export interface HeartbeatSettings {
  /** The holder beats this often. */
  readonly beatMs: number
  /** A candidate that receives nothing for this long, and up to `spreadMs` more, claims the leadership. */
  readonly silenceMs: number
  /** Keeps candidates that received the same last beat from claiming at the same moment. */
  readonly spreadMs: number
  /** How long a claim waits for objections. */
  readonly objectionMs: number
  /** How long a newcomer's claim waits for objections. It claims at once, and has not listened for a beat before. */
  readonly newcomerMs: number
  /**
   * After a resignation nobody can object, only claim as well. So candidates claim within this time, and their claims wait
   * this long.
   */
  readonly vacancyMs: number
}

/** A candidacy has one timer in every state. `term` is the number under which the candidate claims or holds. */
type CandidacyState =
  /** `last`: the last beat, claim or steal of another candidate; undefined for a newcomer. */
  | { readonly name: 'waiting'; readonly last: Rank | undefined }
  | { readonly name: 'claiming'; readonly by: 'claim' | 'steal'; readonly term: number }
  /** By the monotonic clock. */
  | { readonly name: 'holding'; readonly term: number; readonly since: number; readonly lastBeatAt: number }

interface CandidateOptions {
  readonly powers: HeartbeatPowers
  readonly settings: HeartbeatSettings
  readonly terms: Terms
  readonly post: (message: ElectionMessage) => void
  readonly onElected: () => void
  readonly onLost: () => void
}

export interface CandidacyOptions extends Pick<CandidateOptions, 'powers' | 'settings' | 'terms'> {
  /** The channel's name. */
  readonly name: string
  readonly signal: AbortSignal
  /** Whether it claims the leadership, or steals it. */
  readonly by: 'claim' | 'steal'
}

/** One candidacy: it waits, claims and holds, until its signal aborts or a candidate of a higher rank takes over. */
export function runCandidacy({ name, signal, by, ...options }: CandidacyOptions): Promise<Leadership> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const channel = options.powers.openChannel(name)
    const lost = new AbortController()
    const candidate = createCandidate({
      ...options,
      post: (message) => channel.postMessage(message),
      onElected: () => resolve({ lost: lost.signal }),
      onLost() {
        end()
        lost.abort(new DOMException('Another candidate took the leadership.', 'AbortError'))
      },
    })

    const listener = ({ data }: MessageEvent): void => {
      if (isElectionMessage(data, options.powers.clock.now())) candidate.receive(data)
    }
    function resign(): void {
      candidate.resign()
      end()
      reject(signal.reason)
    }
    function end(): void {
      candidate.stop()
      channel.removeEventListener('message', listener)
      channel.close()
      signal.removeEventListener('abort', resign)
    }

    channel.addEventListener('message', listener)
    signal.addEventListener('abort', resign)
    candidate.start(by)
  })
}

function createCandidate({ powers, settings, terms, post, onElected, onLost }: CandidateOptions) {
  const { clock, timers, random } = powers
  const candidate = powers.id()
  let state: CandidacyState = { name: 'waiting', last: undefined }
  let cancelTimer = (): void => undefined

  /** The only timer of a candidacy. Every message restarts it, which also keeps it from being throttled. */
  function schedule(ms: number, run: () => void): void {
    cancelTimer()
    cancelTimer = timers.after(ms, run)
  }

  const send = (election: ElectionMessage['election'], term: number): void => post({ election, term, candidate })

  function wait(last: Rank): void {
    state = { name: 'waiting', last }
    const silenceMs = settings.silenceMs + random() * settings.spreadMs
    schedule(silenceMs, () => claim('claim', terms.next(), settings.objectionMs))
  }

  function announce(by: 'claim' | 'steal', term: number): void {
    state = { name: 'claiming', by, term }
    send(by, term)
  }

  function claim(by: 'claim' | 'steal', term: number, objectionMs: number): void {
    announce(by, term)
    const due = clock.monotonic() + objectionMs
    schedule(objectionMs, () => {
      if (clock.monotonic() - due <= settings.beatMs) return hold(term)
      // Frozen or asleep meanwhile: objections may be queued behind this timer. Once only, or else a tab whose timers run
      // once a minute would never be elected.
      const next = term === NEWCOMER_TERM ? term : terms.next()
      announce(by, next)
      schedule(objectionMs, () => hold(next))
    })
  }

  function hold(term: number): void {
    const now = clock.monotonic()
    beat({ term, since: now, lastBeatAt: now })
    onElected()
  }

  /**
   * A holder that was frozen, asleep or busy may have been replaced without knowing. That doubt needs no state of its own:
   * whatever wakes the holder, a timer or a message, the first thing it does is to beat or to step down. A replacement,
   * which has the higher term, answers the beat at once; candidates only learn that it lives.
   */
  function beat({ term, since, lastBeatAt }: Omit<Extract<CandidacyState, { name: 'holding' }>, 'name'>): void {
    const now = clock.monotonic()
    // The newcomer asked, and nobody objected for as long as a candidate would have waited: there was no holder.
    const isUnopposed = now - since >= settings.silenceMs && now - lastBeatAt <= settings.beatMs + settings.silenceMs
    const held = term === NEWCOMER_TERM && isUnopposed ? terms.next() : term
    const holding = { name: 'holding', term: held, since, lastBeatAt: now } as const
    state = holding
    send('beat', held)
    schedule(settings.beatMs, () => beat(holding))
  }

  function receive(message: ElectionMessage): void {
    terms.learn(message.term)
    if (message.election === 'resign') receiveResignation(message)
    else if (state.name === 'waiting') wait(message)
    else if (state.name === 'holding') {
      // A claim is only a question, whatever its term: its candidate did not receive our beat. A beat that is not above
      // ours is from a holder that has to step down, so it shall receive ours.
      if (message.election !== 'claim' && outranks(message, { term: state.term, candidate })) onLost()
      else beat(state)
    } else receiveAsClaimant(message, state)
  }

  function receiveResignation(resigned: Rank): void {
    // A late message of a holder that has a successor by now.
    if (state.name !== 'waiting' || (state.last && outranks(state.last, resigned))) return
    schedule(random() * settings.vacancyMs, () => claim('claim', terms.next(), settings.vacancyMs))
  }

  function receiveAsClaimant(
    message: ElectionMessage,
    { by, term }: Extract<CandidacyState, { name: 'claiming' }>,
  ): void {
    const isAbove = outranks(message, { term, candidate })
    if (by === 'steal' && isAbove && message.election === 'beat') {
      // A holder of which we did not know: it has yet to receive a higher term.
      claim(by, terms.next(), settings.objectionMs)
    } else if (isAbove || (message.election === 'beat' && by === 'claim')) {
      // A stealing candidate waits as well, since another one is about to hold. To outbid each other would never end.
      wait(message)
    } else {
      // From a newcomer that did not receive our claim, or a holder that did not learn of the steal.
      send(by, term)
    }
  }

  return {
    start(by: 'claim' | 'steal'): void {
      if (by === 'steal') claim(by, terms.next(), settings.objectionMs)
      else schedule(random() * settings.vacancyMs, () => claim(by, NEWCOMER_TERM, settings.newcomerMs))
    },
    receive,
    resign(): void {
      if (state.name !== 'waiting') send('resign', state.term)
    },
    stop: () => cancelTimer(),
  }
}
