import type { LinePowers } from '../platform/line-powers.js'
import { withTimeout } from '../platform/timeouts.js'
import { messageOf, type PartylineErrorCode, type Report } from '../util/errors.js'
import type { Configuration } from './options.js'

interface UrlSourceOptions {
  readonly environment: Pick<LinePowers, 'timers' | 'resolveUrl'>
  readonly configuration: Pick<Configuration, 'url' | 'authTimeoutMs'>
  readonly report: Report
}

/** Gives the server's address, or rejects. What fails is reported once, until it has gone well again. */
export function createUrlSource({ environment, configuration, report }: UrlSourceOptions): () => Promise<string> {
  const { timers, resolveUrl } = environment
  const { url, authTimeoutMs } = configuration
  let reported: PartylineErrorCode | undefined

  function failed(code: PartylineErrorCode, message: string, cause?: unknown): Error {
    if (reported !== code) report(code, `${message}. It is tried again`, { detail: { option: 'url' }, cause })
    reported = code
    return new Error(message)
  }

  async function ask(): Promise<string> {
    if (typeof url === 'string') return url
    let given: unknown
    try {
      given = await withTimeout(timers.after, authTimeoutMs, (async () => url())())
    } catch (thrown) {
      throw failed('connect-failed', `the url function failed: ${messageOf(thrown)}`, thrown)
    }
    if (typeof given === 'string' && given !== '') return given
    const what = given === '' ? 'an empty one' : given === null ? 'null' : typeof given
    throw failed('bad-option', `the url function has to give a string, the server's address, not ${what}`)
  }

  return async () => {
    const given = await ask()
    try {
      const absolute = resolveUrl(given)
      reported = undefined
      return absolute
    } catch (thrown) {
      throw failed('bad-option', `the url is no address: ${messageOf(thrown)}`, thrown)
    }
  }
}
