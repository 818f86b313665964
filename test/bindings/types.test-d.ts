/** What the compiler accepts of the bindings, and what it refuses: the same of each. */
import { QueryClient } from '@tanstack/svelte-query'
import type { Accessor } from 'solid-js'
import type { Readable } from 'svelte/store'
import { expectTypeOf } from 'vitest'
import { type ComputedRef, ref } from 'vue'
import { createPartyline, type Metadata, type Status, type TopicState } from '../../src/index.js'
import * as solid from '../../src/solid/index.js'
import * as svelte from '../../src/svelte/index.js'
import * as vue from '../../src/vue/index.js'

const line = createPartyline({
  invalidates: {
    balance_updated: (m: { accountId: string }) => [['balance', m.accountId]],
    profile_updated: 'profile',
  },
})

for (const { useServerEvent } of [vue, svelte, solid]) {
  useServerEvent(line, 'balance_updated', (m) => expectTypeOf(m).toEqualTypeOf<{ accountId: string }>())
  useServerEvent(line, 'profile_updated', (m) => expectTypeOf(m).toEqualTypeOf<Metadata>())
  // @ts-expect-error no such event
  useServerEvent(line, 'balance_update', () => undefined)
  // @ts-expect-error no such field
  useServerEvent(line, 'balance_updated', (m) => m.acountId)
}

expectTypeOf(vue.usePartylineStatus().value).toEqualTypeOf<Status>()
expectTypeOf(svelte.usePartylineStatus(line)).toEqualTypeOf<Readable<Status>>()
expectTypeOf(solid.usePartylineStatus(line)).toEqualTypeOf<Accessor<Status>>()
expectTypeOf(vue.useTopic(line, 'p').value).toEqualTypeOf<TopicState>()
expectTypeOf(svelte.useTopic(line, () => undefined)).toEqualTypeOf<Readable<TopicState>>()
expectTypeOf(solid.useTopic(line, () => 'p', { queryKeys: [['task']] })).toEqualTypeOf<Accessor<TopicState>>()
expectTypeOf(vue.usePendingChanges(['article']).count).toEqualTypeOf<ComputedRef<number>>()
expectTypeOf(svelte.usePendingChanges(() => ['article']).refresh).toEqualTypeOf<() => void>()
expectTypeOf(solid.usePendingChanges(['article'], line).since).toEqualTypeOf<number | undefined>()
// @ts-expect-error a key is a list
vue.usePendingChanges('article')
// @ts-expect-error a topic is a string
svelte.useTopic(line, 42)
// @ts-expect-error a list of keys, not one
solid.useTopic(line, 'p', { queryKeys: ['task'] })

const auth = async () => ({ token: 'x' })
vue.providePartyline(line, { identity: ref('u1'), auth })
vue.usePartyline(line, { identity: () => undefined })
svelte.providePartyline(line, { identity: () => 7, auth, queryClient: new QueryClient() })
svelte.usePartyline(line, { identity: null })
solid.usePartyline(line, () => ({ identity: 'u1', auth }))
solid.PartylineProvider({ line, identity: undefined, auth, children: 'app' })
// @ts-expect-error who is signed in has to be said, if only `undefined`
vue.usePartyline(line, {})
// @ts-expect-error who is signed in has to be said, if only `undefined`
svelte.usePartyline(line, {})
// @ts-expect-error who is signed in has to be said, if only `undefined`
solid.usePartyline(line, () => ({}))
// @ts-expect-error credentials are an object
vue.providePartyline(line, { identity: 'u1', auth: () => 'token' })
