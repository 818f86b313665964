import type { Line } from './create-partyline.js'

/**
 * The events of a line, to share with the server: `createNotifier<EventsOf<typeof line>>(io)`. Import the line type-only
 * there: its code is the browser's.
 */
export type EventsOf<L> = L extends Line<infer Events> ? Events : never
