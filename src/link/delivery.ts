import type { Report } from '../util/errors.js'
import { readEvents } from '../wire/messages.js'
import type { HubProblem } from '../wire/protocol.js'
import type { AcceptedWelcome } from './attachment.js'
import type { LinkMessage } from './hub-client.js'
import type { DeliveryHandlers, Position } from './link-options.js'

/** Before all that any hub has kept: it can't vouch for a tab that says so. */
const NO_SEQ = -1

/** The hub's messages that change nothing about the link. */
type DeliveredMessage = Extract<LinkMessage, { kind: 'events' | 'gap' | 'topic' | 'problem' }>

export type Delivery = ReturnType<typeof createDelivery>

/** Hands on what the hub sends, each event once, and keeps the position in the hub's life up to which that is complete. */
export function createDelivery(handlers: DeliveryHandlers, report: Report, heard?: Position) {
  let epoch: string | undefined
  let seq: number | undefined
  /** The welcome vouched for nothing: a gap follows once the hub is connected, unless this attachment ends before. */
  let isOwedGap = false
  const reportProblem = ({ code, message, event }: HubProblem) =>
    report(code, message, event === undefined ? {} : { detail: { event } })

  /** A new session is sent all since the page began to load: its queries need that, but the app's handlers have heard some of it. */
  function agesOf({ epoch, replayAges, replaySeqs }: AcceptedWelcome): readonly number[] | undefined {
    if (epoch !== heard?.epoch) return replayAges
    return replayAges?.map((age, index) => ((replaySeqs?.[index] ?? 0) > heard.seq ? age : Number.POSITIVE_INFINITY))
  }

  return {
    /** What was delivered last. Undefined before the first welcome. */
    position: () => (epoch !== undefined && seq !== undefined ? { epoch, seq } : undefined),
    /** No hub has sent anything to this page. */
    isFresh: () => epoch === undefined && heard === undefined,
    /** Up to where nothing is missing, for the next hello. */
    complete: () => (epoch !== undefined && seq !== undefined ? { epoch, seq: isOwedGap ? NO_SEQ : seq } : undefined),
    /** Moves to the welcome's position, before anybody sees its epoch. */
    moveTo(welcome: AcceptedWelcome): void {
      epoch = welcome.epoch
      seq = welcome.seq
      isOwedGap = welcome.gap === undefined && welcome.replay === undefined
    },
    /** The hub's life was ended: what was delivered of it says nothing of the next one. */
    forget(): void {
      epoch = undefined
      seq = undefined
    },
    /** Hands on what came with the welcome. */
    welcome(welcome: AcceptedWelcome): void {
      const { settingsDiffer, problems = [], gap, flaps, replay, topics } = welcome
      for (const problem of problems) reportProblem(problem)
      if (settingsDiffer) {
        report('settings-differ', 'another tab or line made this hub with other settings, which stay in force')
      }
      if (gap) handlers.onGap(gap, flaps)
      else if (replay) handlers.onVouched()
      if (replay?.length) handlers.onEvents(replay, agesOf(welcome))
      handlers.onTopics(topics)
    },
    message(message: DeliveredMessage): void {
      switch (message.kind) {
        case 'events':
          // A batch may come over both the multicast and the tab's own endpoint while the tab joins the multicast.
          if (message.seq <= (seq ?? 0)) break
          seq = message.seq
          handlers.onEvents(readEvents(message.events))
          break
        case 'gap':
          seq = message.seq
          isOwedGap = false
          handlers.onGap(message.reason, message.flaps, message.quietForMs)
          break
        case 'topic':
          handlers.onTopics([message])
          break
        case 'problem':
          reportProblem(message)
      }
    },
  }
}
