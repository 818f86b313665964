/**
 * Notifies browsers, checks who they are, and sends again what they missed. For Node.
 * @module partyline/server
 */

export type { Metadata } from '../wire/protocol.js'
export { ORIGIN_HEADER } from '../wire/protocol.js'
export {
  type AuthenticateRefusal,
  type AuthenticateResult,
  type ClientCredentials,
  refuse,
  type ServerSession,
} from './decision.js'
export { type DrainOptions, type DrainSlice, drain } from './drain.js'
export { type EndingSlice, type EndUserOptions, endUser, type HandshakeSocket } from './end-user.js'
export { type OnServerError, PartylineServerError, type PartylineServerErrorCode } from './errors.js'
export {
  createEventStream,
  type EventStream,
  type EventStreamOptions,
  type EventStreamRooms,
} from './event-stream.js'
export type { AnyEvents, EventName, NotifyArguments, NotifyOptions } from './events.js'
export { createNotifier, type EmitterSlice, type Notifier, type NotifierOptions } from './notifier.js'
export { type HeadersSlice, originOf, type RequestSlice } from './origin.js'
export type { AllowedOrigins } from './origins.js'
export type { LoggedEvent, LoggedEvents } from './replay.js'
export type { UserId } from './rooms.js'
export type { SendingSocket } from './send-limit.js'
export {
  createSessions,
  type ServerSlice,
  type SessionsOptions,
  type SocketSlice,
} from './sessions.js'
export { sessionOf } from './stored-session.js'
export type { NodeRequest, NodeResponse } from './stream-http.js'
export type { EventStreamSocket } from './stream-socket.js'
export type { AuthorizeResult, TopicAccessOptions, TopicSocket } from './topics.js'
