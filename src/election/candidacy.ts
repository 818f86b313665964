import type { HubEnvironment } from '../platform/environment.js'
import { type ElectionMessage, isElectionMessage, outranks, type Rank } from './election-message.js'
import type { Leadership } from './elector.js'
import type { Terms } from './terms.js'

export type HeartbeatPowers = Pick<HubEnvironment, 'clock' | 'timers' | 'random' | 'id'> & {
  readonly openChannel: NonNullable<HubEnvironment['openChannel']>
}

/** All in milliseconds. */
export interface HeartbeatSettings {
  /** The holder beats this often. */
  readonly beat: number
  /** A candidate that hears nothing for this long, and up to `spread` more, claims the office. */
  readonly silence: number
  /** Keeps candidates that heard the same last beat from claiming at the same moment. */
  readonly spread: number
  /** How long a claim waits for objections. */
  readonly objection: number
  /** How long a newcomer waits for objections. It claims at once, not having listened for a beat before. */
  readonly answer: number
  /**
   * After a resignation nobody can object, only claim as well. So candidates claim within this time, and their claims
   * wait this long.
   */
  readonly vacancy: number
}

/**
 * The term of a newcomer's claim, below every other: a holder that is merely too busy to answer in time keeps the office
 * when it speaks again.
 */
const QUESTION = 0

/** Stands for office once: a candidate waits, claims, and holds, until its signal aborts or a better one speaks. */
export function runCandidacy(
  powers: HeartbeatPowers,
  name: string,
  settings: HeartbeatSettings,
  terms: Terms,
  signal: AbortSignal,
  deposing = false,
): Promise<Leadership> {
  const { clock, timers, random } = powers
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const channel = powers.openChannel(name)
    const candidate = powers.id()
    const lost = new AbortController()
    let role: 'waiting' | 'claiming' | 'holding' = 'waiting'
    let term = QUESTION
    /** This candidate has heard nobody yet, so there may well be a holder. */
    let asking = !deposing
    /** When this candidate spoke last, and since when it has held the office. */
    let spoke = 0
    let since = 0
    /** Who spoke for the office last. */
    let last: Rank | undefined
    let disarm = (): void => undefined

    /** The only timer of a candidacy. Every message sets it anew, which is also what keeps it from being throttled. */
    function arm(ms: number, run: () => void): void {
      disarm()
      disarm = timers.after(ms, run)
    }

    function say(election: ElectionMessage['election']): void {
      spoke = clock.now()
      channel.postMessage({ election, term, candidate } satisfies ElectionMessage)
    }

    function sayClaim(): void {
      say(deposing ? 'steal' : 'claim')
    }

    function wait(): void {
      role = 'waiting'
      asking = false
      arm(settings.silence + random() * settings.spread, () => claim(settings.objection))
    }

    function claim(patience: number, again = false): void {
      role = 'claiming'
      term = asking ? QUESTION : terms.next()
      sayClaim()
      const due = clock.now() + patience
      arm(patience, () => {
        // Frozen or asleep meanwhile: objections may be queued behind this timer. Once only, or else a tab whose timers
        // run once a minute would never be elected.
        if (!again && clock.now() - due > settings.beat) claim(patience, true)
        else hold()
      })
    }

    function hold(): void {
      role = 'holding'
      since = clock.now()
      beat()
      resolve({ lost: lost.signal })
    }

    /**
     * A holder that was frozen, asleep or busy may have been replaced without knowing. It needs no state of its own for
     * that doubt: whatever wakes it, a timer or a message, the first thing it does is to beat or to step down. A
     * replacement, which has the higher term, answers the beat at once; candidates only learn that it lives.
     */
    function beat(): void {
      const now = clock.now()
      // Asked, and nobody answered for as long as a candidate would have waited: the office was empty.
      if (asking && now - since >= settings.silence && now - spoke <= settings.beat + settings.silence) {
        asking = false
        term = terms.next()
      }
      say('beat')
      arm(settings.beat, beat)
    }

    function hear({ data }: MessageEvent): void {
      if (!isElectionMessage(data)) return
      terms.learn(data.term)
      if (data.election === 'resign') {
        hearResign(data)
        return
      }
      last = data
      const above = outranks(data, { term, candidate })
      if (role === 'waiting') wait()
      else if (role === 'holding') hearAsHolder(data, above)
      else hearAsClaimant(data, above)
    }

    function hearResign(resigned: Rank): void {
      // Late word of a holder that has a successor by now.
      if (role !== 'waiting' || (last && outranks(last, resigned))) return
      asking = false
      arm(random() * settings.vacancy, () => claim(settings.vacancy))
    }

    function hearAsHolder({ election }: ElectionMessage, above: boolean): void {
      // A claim is only a question, whatever its term: its candidate did not hear us. A beat that is not above ours is
      // from a holder that has to step down, so it shall hear ours.
      if (above && election !== 'claim') lose()
      else beat()
    }

    function hearAsClaimant({ election }: ElectionMessage, above: boolean): void {
      if (deposing && above && election === 'beat') {
        // A holder that we did not know of: it has yet to hear a higher term.
        claim(settings.objection)
      } else if (above || (election === 'beat' && !deposing)) {
        // Who deposes stands in line as well, since somebody else is about to do it. To outbid each other would never end.
        deposing = false
        wait()
      } else {
        // From a newcomer that did not hear our claim, or a holder that did not hear that it is deposed.
        sayClaim()
      }
    }

    function lose(): void {
      end()
      lost.abort(new DOMException('The office was taken by another candidate.', 'AbortError'))
    }

    function leave(): void {
      if (role !== 'waiting') say('resign')
      end()
      reject(signal.reason)
    }

    function end(): void {
      disarm()
      channel.removeEventListener('message', hear)
      channel.close()
      signal.removeEventListener('abort', leave)
    }

    channel.addEventListener('message', hear)
    signal.addEventListener('abort', leave)
    if (deposing) claim(settings.objection)
    else arm(random() * settings.vacancy, () => claim(settings.answer))
  })
}
