import type { HubEnvironment } from '../environment-common.js'
import { type ElectionMessage, isElectionMessage, outranks, type Rank } from './election-message.js'
import type { Office } from './elector.js'
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
  /**
   * After a resignation nobody can object, only claim as well. So candidates claim within this time, and their claims
   * wait this long.
   */
  readonly vacancy: number
}

/** Stands for office once: a candidate waits, claims, and holds, until its signal aborts or a better one speaks. */
export function runCandidacy(
  powers: HeartbeatPowers,
  name: string,
  settings: HeartbeatSettings,
  terms: Terms,
  signal: AbortSignal,
  deposing = false,
): Promise<Office> {
  const { clock, timers, random } = powers
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const channel = powers.openChannel(name)
    const candidate = powers.id()
    const lost = new AbortController()
    let role: 'waiting' | 'claiming' | 'holding' = 'waiting'
    let term = 0
    /** Who spoke for the office last. */
    let last: Rank | undefined
    let disarm = (): void => undefined

    /** The only timer of a candidacy. Every message sets it anew, which is also what keeps it from being throttled. */
    function arm(ms: number, run: () => void): void {
      disarm()
      disarm = timers.after(ms, run)
    }

    function say(election: ElectionMessage['election']): void {
      channel.postMessage({ election, term, candidate } satisfies ElectionMessage)
    }

    function wait(): void {
      role = 'waiting'
      arm(settings.silence + random() * settings.spread, () => claim(settings.objection))
    }

    function claim(patience: number, again = false): void {
      role = 'claiming'
      term = terms.next()
      say(deposing ? 'depose' : 'claim')
      const due = clock.now() + patience
      arm(patience, () => {
        // Frozen or asleep meanwhile: objections may be queued behind this timer. Once only, or else a tab whose timers
        // run once a minute would never be elected.
        if (!again && clock.now() - due > settings.beat) claim(settings.objection, true)
        else hold()
      })
    }

    function hold(): void {
      role = 'holding'
      beat()
      resolve({ lost: lost.signal })
    }

    /**
     * A holder that was frozen, asleep or busy may have been replaced without knowing. It needs no state of its own for
     * that doubt: whatever wakes it, a timer or a message, the first thing it does is to beat or to step down. A
     * replacement, which has the higher term, answers the beat at once; candidates only learn that it lives.
     */
    function beat(): void {
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
      else if (deposing) hearAsDeposer(data, above)
      else if (above || data.election === 'beat') wait()
    }

    function hearResign(resigned: Rank): void {
      // Late word of a holder that has a successor by now.
      if (role !== 'waiting' || (last && outranks(last, resigned))) return
      arm(random() * settings.vacancy, () => claim(settings.vacancy))
    }

    function hearAsHolder({ election }: ElectionMessage, above: boolean): void {
      // A claim is only a question, whatever its term: its candidate did not hear us. A beat that is not above ours is
      // from a holder that has to step down, so it shall hear ours.
      if (above && election !== 'claim') lose()
      else beat()
    }

    function hearAsDeposer({ election }: ElectionMessage, above: boolean): void {
      if (!above) return
      // A holder that we did not know of: it has yet to hear a higher term.
      if (election === 'beat') claim(settings.objection)
      else {
        // Somebody else is about to take the office from the holder. Who outbids each other here would never end.
        deposing = false
        wait()
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
    // Nobody has been heard yet: ask at once whether there is a holder, rather than listen for its beat first.
    else arm(random() * settings.spread, () => claim(settings.objection))
  })
}
