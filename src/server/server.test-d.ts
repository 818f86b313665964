/** What the compiler has to know. Checked by `tsc -p .`, never run. */
import type { IncomingMessage } from 'node:http'
import { Emitter } from '@socket.io/redis-emitter'
import type { Request as ExpressRequest } from 'express'
import type { FastifyRequest } from 'fastify'
import type { DefaultEventsMap, Namespace, Server, Socket } from 'socket.io'
import { expectTypeOf } from 'vitest'
import { createPartyline, type EventsOf } from '../index.js'
import { createNotifier, createSessions, endUser, type Notifier, originOf, refuse, sessionOf } from './index.js'

declare const io: Server

interface Events {
  balance_updated: { accountId: string }
  transaction_happened: { accountId: string; txType?: string }
  searched: { q?: string }
  profile_updated: unknown
}
const notify = createNotifier<Events>(io)
expectTypeOf(notify).toEqualTypeOf<Notifier<Events>>()

notify.user('ann', 'balance_updated', { accountId: '7' })
notify.user(7, 'balance_updated', { accountId: '7' }, { id: 12 })
notify.user(7n, 'transaction_happened', { accountId: '7', txType: 'card' }, { id: 'a-1', spreadMs: 500 })
notify.users(['ann', 'bob'], 'searched')
notify.users(['ann', 8], 'searched', { q: 'x' })
notify.room('admins', 'profile_updated')
notify.room('admins', 'profile_updated', { whatever: true })
notify.everyone('balance_updated', { accountId: '7' }, { spreadMs: 10_000 })
notify.from(new Request('https://example.com')).user('ann', 'balance_updated', { accountId: '7' })
expectTypeOf(notify.from({ headers: {} })).toEqualTypeOf<Notifier<Events>>()

// @ts-expect-error no such event
notify.user('ann', 'balance_update', { accountId: '7' })
// @ts-expect-error no such field
notify.user('ann', 'balance_updated', { acountId: '7' })
// @ts-expect-error one field too many
notify.user('ann', 'balance_updated', { accountId: '7', amount: 5 })
// @ts-expect-error another type
notify.user('ann', 'balance_updated', { accountId: 7 })
// @ts-expect-error a field is missing
notify.user('ann', 'balance_updated', {})
// @ts-expect-error this event has metadata
notify.user('ann', 'balance_updated')
// @ts-expect-error metadata is an object
notify.user('ann', 'profile_updated', 'text')
// @ts-expect-error nobody is named
notify.user(undefined, 'balance_updated', { accountId: '7' })
// @ts-expect-error a list of them is for `users`
notify.user(['ann'], 'balance_updated', { accountId: '7' })
// @ts-expect-error no such option
notify.everyone('balance_updated', { accountId: '7' }, { sprea: 5 })
// @ts-expect-error the same behind `from`
notify.from(new Headers()).users(['ann'], 'balance_updated', { acountId: '7' })

// The client's own map is enough.
const line = createPartyline({
  invalidates: {
    balance_updated: { touches: ['balance'], targets: (m: { accountId: string }) => [['balance', m.accountId]] },
    profile_updated: 'profile',
  },
})
expectTypeOf<EventsOf<typeof line>>().toEqualTypeOf<{
  balance_updated: { accountId: string }
  profile_updated: unknown
}>()
const inferred = createNotifier<EventsOf<typeof line>>(io)
inferred.user('ann', 'balance_updated', { accountId: '7' })
inferred.user('ann', 'profile_updated')
// @ts-expect-error no such event
inferred.user('ann', 'profile_update')

// Without a map, anything goes that is an object.
createNotifier(io).everyone('whatever', { any: 1 })
createNotifier(io).everyone('whatever')
// @ts-expect-error metadata is an object
createNotifier(io).everyone('whatever', [1])

// Whatever can send will do.
interface ServerToClient {
  hello: (metadata: { name: string }) => void
}
declare const strict: Server<DefaultEventsMap, ServerToClient, DefaultEventsMap, { session: { userId: string } }>
declare const namespace: Namespace
createNotifier(strict)
createNotifier(namespace)
createNotifier(strict.of('/live'))
createNotifier(new Emitter({}))
createNotifier(new Emitter<ServerToClient>({}).of('/live'))

// Whatever carries headers says where it came from.
declare const express: ExpressRequest
declare const fastify: FastifyRequest
declare const node: IncomingMessage
for (const request of [express, fastify, node, express.headers, fastify.headers, new Request('/'), new Headers()])
  expectTypeOf(originOf(request)).toEqualTypeOf<string | undefined>()
// @ts-expect-error no request
originOf('x-partyline-origin')

// Sessions.
createSessions(io, { authenticate: async ({ token }) => (token === 'x' ? { userId: 'ann' } : 'token unknown') })
createSessions(namespace, { authenticate: () => null, room: (userId) => `u:${userId}`, onError: (e) => e.code })
createSessions(strict, {
  authenticate(credentials, socket) {
    expectTypeOf(credentials['token']).toBeUnknown()
    expectTypeOf(socket).toExtend<Socket>()
    expectTypeOf(socket.data.session).toEqualTypeOf<{ userId: string }>()
    return { userId: 7, expiresAt: new Date(), tenant: 't' }
  },
  async replay(session, cursor) {
    expectTypeOf(session.tenant).toBeString()
    expectTypeOf(cursor).toEqualTypeOf<string | number>()
    return [{ id: 1, event: 'balance_updated', metadata: { accountId: '7' } }]
  },
})
createSessions(io, {
  authenticate: () => ({ userId: 'ann' }),
  async *replay() {
    yield { id: 1, event: 'balance_updated' }
  },
})
createSessions(io, { authenticate: () => ({ userId: 'ann' }), replay: () => false })
createSessions(io, {
  async authenticate({ token }) {
    if (token === 'closed') return refuse('the account is closed', { final: true })
    return token === 'x' ? { userId: 7, tenant: 't', secret: 's' } : 'token unknown'
  },
  authenticateTimeoutMs: 5_000,
  identity(session) {
    expectTypeOf(session.tenant).toBeString()
    return `${session.tenant}/${session.userId}`
  },
  storedFields: ({ tenant }) => ({ tenant }),
  origins: ['https://app.example.com'],
})
createSessions(io, { authenticate: () => ({ userId: 'ann' }), origins: (origin) => origin.endsWith('.example.com') })
// @ts-expect-error no such field
createSessions(io, { authenticate: () => ({ userId: 'ann' }), storedFields: ({ tenant }) => ({ tenant }) })
// @ts-expect-error an identity is a string
createSessions(io, { authenticate: () => ({ userId: 7 }), identity: ({ userId }) => userId })
// @ts-expect-error nobody is named
createSessions(io, { authenticate: () => ({ id: 'ann' }) })
// @ts-expect-error a yes needs a name
createSessions(io, { authenticate: () => true })
// @ts-expect-error an event needs its number
createSessions(io, { authenticate: () => ({ userId: 'ann' }), replay: () => [{ event: 'balance_updated' }] })

// What a socket belongs to, and its end.
declare const socket: Socket
expectTypeOf(sessionOf(socket)?.userId).toEqualTypeOf<string | number | bigint | undefined>()
expectTypeOf(sessionOf<{ userId: string; tenant: string }>(socket)?.tenant).toEqualTypeOf<string | undefined>()
for (const sender of [io, namespace, strict, strict.of('/live'), new Emitter({})]) void endUser(sender, 7)
void endUser(io, 'ann', { room: (userId) => `u:${userId}` })
// @ts-expect-error nobody is named
void endUser(io)

// Topics.
notify.topic('project:42', 'balance_updated', { accountId: '7' }, { spreadMs: 500 })
notify.from(new Headers()).topic('project:42', 'profile_updated')
notify.endTopic(7, 'project:42')
notify.endTopic('ann', 'project:42', 'no longer a member')
// @ts-expect-error no such field
notify.topic('project:42', 'balance_updated', { acountId: '7' })
// @ts-expect-error a topic is a string
notify.topic(42, 'profile_updated')
createSessions(strict, {
  authenticate: () => ({ userId: 7, tenant: 't' }),
  topics: {
    async authorize(session, topic, socket) {
      expectTypeOf(session.tenant).toBeString()
      expectTypeOf(topic).toBeString()
      expectTypeOf(socket).toExtend<Socket>()
      return topic === session.tenant || 'not your tenant'
    },
    limit: 50,
  },
})
createSessions(namespace, {
  authenticate: () => ({ userId: 7 }),
  topics: { authorize: () => true, authorizeTimeoutMs: 500 },
})
// @ts-expect-error nothing is no answer
createSessions(io, { authenticate: () => ({ userId: 7 }), topics: { authorize: () => undefined } })
// @ts-expect-error somebody has to say who may
createSessions(io, { authenticate: () => ({ userId: 7 }), topics: {} })
