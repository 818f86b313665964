import { validate } from '../invalidation/rule.js'
import type { Link } from '../link/link-options.js'
import type { HubEnvironment } from '../platform/environment.js'
import { TimeoutError, withTimeout } from '../platform/timeouts.js'
import { messageOf } from '../util/errors.js'
import type { SendAnswer, SendErrorCode } from '../wire/protocol.js'
import { type Messages, type SendOver, sendError } from './message.js'

const SEND_TIMEOUT_MS = 10_000
/** Of one tab, at once. Its hub, which serves all tabs, has further limits. */
const MAX_OPEN_SENDS = 100
/** Characters of data, as JSON. Every server's limit for a message is above it, in bytes. */
const MAX_SEND_CHARACTERS = 16_384
/** A timer has its limit. */
const MAX_SEND_TIMEOUT_MS = 600_000
const LOST = 'the connection was lost, or the session has ended. The server may have it'

export interface SendsOptions {
  readonly sends: Messages
  readonly environment: Pick<HubEnvironment, 'timers'>
}

/**
 * What one session sends, until `life` aborts. Each send settles once: with the acknowledgement, or with a coded error. `post` hands it to
 * the hub.
 */
export function createSends({ sends, environment }: SendsOptions, post: Link['send'], life: AbortSignal): SendOver {
  const { after } = environment.timers
  const open = new Set<() => void>()
  life.addEventListener('abort', () => {
    for (const end of open) end()
  })

  function answerOf(event: string, text: string | undefined, ms: number, isVolatile: boolean): Promise<SendAnswer> {
    let end = (): void => undefined
    const ended = new Promise<SendAnswer>((resolve) => {
      end = () => resolve(fault('connection-lost', LOST))
    })
    open.add(end)
    return withTimeout(after, ms, Promise.race([ended, post(event, text, isVolatile ? undefined : ms)]))
      .catch((thrown: unknown) =>
        thrown instanceof TimeoutError
          ? fault('timed-out', `the server has not acknowledged it within ${ms} ms. It may have it`)
          : fault('connection-lost', LOST),
      )
      .finally(() => open.delete(end))
  }

  return async (event, data, { timeoutMs, volatile = false } = {}) => {
    const text = checkedText(sends, event, data)
    if (typeof text === 'object') throw sendError(event, text)
    if (open.size >= MAX_OPEN_SENDS) {
      if (volatile) return undefined
      throw sendError(event, fault('too-many', `${MAX_OPEN_SENDS} wait in this tab already`))
    }
    const ms = timeoutMs && timeoutMs > 0 ? Math.min(timeoutMs, MAX_SEND_TIMEOUT_MS) : SEND_TIMEOUT_MS
    const answer = await answerOf(event, text, ms, volatile)
    if (answer.ok) return answer.data
    if (volatile && answer.code !== 'unsupported' && answer.code !== 'bad-send') return undefined
    throw sendError(event, answer)
  }
}

type Fault = Extract<SendAnswer, { ok: false }>

const fault = (code: SendErrorCode, message: string): Fault => ({ ok: false, code, message })

/** The data as JSON; a fault where it is none, or not what it should be. */
function checkedText(sends: Messages, event: string, data: unknown): string | undefined | Fault {
  const schema = Object.hasOwn(sends, event) ? sends[event]?.schema : undefined
  const checked = schema ? validate(schema, data) : { value: data }
  if ('trouble' in checked) return fault('bad-send', checked.trouble)
  try {
    if ('thrown' in checked) throw checked.thrown
    const text: string | undefined = JSON.stringify(checked.value)
    if (text === undefined && checked.value !== undefined) throw new TypeError('a function, or a symbol')
    const isLarge = text !== undefined && text.length > MAX_SEND_CHARACTERS
    return isLarge ? fault('bad-send', `its data has more than ${MAX_SEND_CHARACTERS} characters`) : text
  } catch (thrown) {
    return fault('bad-send', `its data is no JSON: ${messageOf(thrown)}`)
  }
}
