import { PartylineServerError } from './errors.js'

/** A user's id in your app. */
export type UserId = string | number | bigint

/** The room that all sockets of a user are in. */
export const userRoom = (userId: UserId): string => `user_${userId}`

/** Throws `bad-room` for a missing id: `user_undefined` is a room that sockets would join, and events reach, by mistake. */
export function checkUserId(userId: unknown): asserts userId is UserId {
  const good =
    (typeof userId === 'string' && userId !== '') ||
    (typeof userId === 'number' && Number.isFinite(userId)) ||
    typeof userId === 'bigint'
  if (!good)
    throw new PartylineServerError('bad-room', `a user's id has to be a string or a number, not ${quote(userId)}`)
}

/** Throws `bad-room` for a value that is not a room's name. */
export function checkRoom(room: unknown): asserts room is string {
  if (typeof room !== 'string' || room === '')
    throw new PartylineServerError('bad-room', `a room's name has to be a string, not ${quote(room)}`)
}

/** The prefix of the topics' rooms. No other room should begin with it. */
export const TOPIC_PREFIX = 'topic:'
const MAX_TOPIC_CHARACTERS = 200

/** The room of all sockets that have joined a topic. */
export const topicRoom = (topic: string): string => TOPIC_PREFIX + topic

/** Throws `bad-topic` for a value that is not a topic's name. */
export function checkTopic(topic: unknown): asserts topic is string {
  if (typeof topic !== 'string' || topic === '' || topic.length > MAX_TOPIC_CHARACTERS)
    throw new PartylineServerError('bad-topic', `a topic has to be a string of 1 to ${MAX_TOPIC_CHARACTERS} characters`)
}

const quote = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : typeof value)
