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

const show = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : typeof value)
