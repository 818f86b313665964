import { z } from 'zod'
import type { Database } from './database.js'

const Notification = z.object({
  userId: z.string(),
  name: z.string(),
  metadata: z.record(z.string(), z.unknown()),
})

/**
 * Hears what the database announces (see schema.sql) and passes it on. This is the only way from a change to an event:
 * no route emits anything.
 */
export function hearNotifications(
  database: Database,
  emit: (userId: string, name: string, metadata: Record<string, unknown>) => void,
  onMissed: () => void,
): Promise<() => Promise<void>> {
  const onPayload = (payload: string) => {
    try {
      const { userId, name, metadata } = Notification.parse(JSON.parse(payload))
      emit(userId, name, metadata)
    } catch (error) {
      // Anyone with access to the database can NOTIFY anything; that must not take the server down.
      console.warn('A notification could not be read:', payload, error)
    }
  }
  return database.listen('ledger_events', onPayload, onMissed)
}
