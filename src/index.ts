/**
 * The line: one connection for all tabs, and what each event makes stale. For the browser.
 * @module partyline
 */

export type {
  ErrorInspection,
  Explanation,
  Inspection,
  LineRecord,
  QueryInspection,
  RecordKind,
  RuleInspection,
  Savings,
} from './inspect/inspection.js'
export type { CheckedRules } from './invalidation/checked-rules.js'
export type { PendingChanges } from './invalidation/pending.js'
export type { LiveMode, QueryClientSlice, QuerySlice } from './invalidation/query-client.js'
export type { Receipt, ReceiptCause, ServerEvent } from './invalidation/receipt.js'
export type { DeclaredRule, Rule } from './invalidation/rule.js'
export type { QueryKey, Scope, ScopedTarget, Target, Targets, Touch } from './invalidation/target.js'
export type { SharedWorkerOptions, SharedWorkerSlice, WorkerFactory } from './platform/shared-worker.js'
export { createPartyline } from './tab/create-partyline.js'
export type { EventsOf, HandlerOptions, Line, MetadataOf, Register, RegisteredEvents } from './tab/line.js'
export { type Message, type Messages, message, type SendOptions } from './tab/message.js'
export type { MountOptions } from './tab/mounts.js'
export type { CheckedOptions, PartylineOptions, Rules, SocketSettings } from './tab/options.js'
export type { Auth, GivenCredentials } from './tab/session.js'
export type { TopicOptions, TopicState } from './tab/topics.js'
export type {
  OpenOwnTransport as OpenTransport,
  OwnTransport,
  OwnTransportHandlers as TransportHandlers,
  OwnTransportMethods as TransportMethods,
  RenewalOutcome,
  ServerRefusal,
  Transport,
  TransportSettings,
} from './transport/transport.js'
export { PartylineError, type PartylineErrorCode } from './util/errors.js'
export type { HubInspection, HubRecord, HubTab, Simulation } from './wire/hub-calls.js'
export type { EnvelopeOption, Metadata } from './wire/protocol.js'
export type { Gap, Host, Status, StatusName, Step } from './wire/status.js'
