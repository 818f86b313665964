import { PartylineServerError } from './errors.js'

/** A user, as your app names one. */
export type UserId = string | number | bigint

/** The room that all sockets of a user are in. */
export const userRoom = (userId: UserId): string => `user_${userId}`

/** Throws `bad-room` where nobody is named: `user_undefined` is a room that would be joined, and filled, by mistake. */
export function checkUserId(userId: unknown): asserts userId is UserId {
  const good =
    (typeof userId === 'string' && userId !== '') ||
    (typeof userId === 'number' && Number.isFinite(userId)) ||
    typeof userId === 'bigint'
  if (!good)
    throw new PartylineServerError('bad-room', `a user's id has to be a string or a number, not ${show(userId)}`)
}

/** Throws `bad-room` for what is no room's name. */
export function checkRoom(room: unknown): asserts room is string {
  if (typeof room !== 'string' || room === '')
    throw new PartylineServerError('bad-room', `a room's name has to be a string, not ${show(room)}`)
}

/** What the rooms of topics begin with: no other room should. */
export const TOPIC_PREFIX = 'topic:'
/** Characters of a topic's name. */
const LONGEST = 200

/** The room of all sockets that have joined a topic. */
export const topicRoom = (topic: string): string => TOPIC_PREFIX + topic

/** Throws `bad-topic` for what is no topic's name. */
export function checkTopic(topic: unknown): asserts topic is string {
  if (typeof topic !== 'string' || topic === '' || topic.length > LONGEST)
    throw new PartylineServerError('bad-topic', `a topic has to be a string of 1 to ${LONGEST} characters`)
}

const show = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : typeof value)
