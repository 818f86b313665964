import type { AnyEvents, Notifier } from 'partyline/server'
import { z } from 'zod'
import type { Database } from './database.js'
import type { Stats } from './telemetry.js'

const Notification = z.object({
  userId: z.string(),
  name: z.string(),
  metadata: z.looseObject({ _line: z.object({ origin: z.string() }).optional() }),
})

/**
 * Receives what the database announces (see schema.sql) and emits it. This is the only way from a change to an event:
 * no route emits anything.
 */
export function forwardNotifications(
  database: Database,
  notify: Notifier<AnyEvents>,
  stats: Stats,
  onMissed: () => void,
): Promise<() => Promise<void>> {
  const onPayload = (payload: string) => {
    try {
      const { userId, name, metadata } = Notification.parse(JSON.parse(payload))
      const { _line, ...rest } = metadata
      notify.user(userId, name, rest, { origin: _line?.origin })
      stats.countEvent(name)
    } catch (error) {
      // Anyone with access to the database can NOTIFY anything; that must not take the server down.
      console.warn('A notification could not be read:', payload, error)
    }
  }
  return database.listen('ledger_events', onPayload, onMissed)
}
