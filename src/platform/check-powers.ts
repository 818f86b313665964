import type { HubEnvironment, Locks } from './environment.js'
import { afterSilence } from './timeouts.js'

/** How long the browser may take to grant a lock that nobody holds. */
const GRANT_TIMEOUT_MS = 2_000

/**
 * The environment without the powers that are there and refuse. Presence proves nothing: in a sandboxed frame, and where the
 * user blocks site data, Web Locks reject, and a channel may throw when it is opened or posts.
 */
export async function checkPowers<E extends HubEnvironment>(environment: E): Promise<E> {
  const { openChannel } = environment
  const locks = await usableLocks(environment)
  return { ...environment, locks, openChannel: openChannel && isUsable(openChannel) ? openChannel : undefined }
}

async function usableLocks(environment: HubEnvironment): Promise<Locks | undefined> {
  const { locks, id } = environment
  if (!locks) return undefined
  const isGranted = await new Promise<boolean>((resolve) => {
    const attempt = new AbortController()
    const finish = (granted: boolean) => {
      cancel()
      resolve(granted)
    }
    const cancel = afterSilence(
      environment,
      () => 0,
      GRANT_TIMEOUT_MS,
      () => {
        attempt.abort()
        resolve(false)
      },
    )
    try {
      const request = locks.request(`partyline/check/${id()}`, { signal: attempt.signal }, async () => finish(true))
      request.catch(() => finish(false))
    } catch {
      finish(false)
    }
  })
  return isGranted ? locks : undefined
}

function isUsable(openChannel: NonNullable<HubEnvironment['openChannel']>): boolean {
  try {
    const channel = openChannel('partyline/check')
    try {
      channel.postMessage({})
    } finally {
      channel.close()
    }
    return true
  } catch {
    return false
  }
}
