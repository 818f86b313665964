'use client'

import { QueryClient, QueryClientProvider, useQuery, useQueryClient } from '@tanstack/react-query'
import { PartylineProvider, usePartylineStatus, useTopic } from 'partyline/react'
import { type ReactNode, useState } from 'react'
import { line, ownLine } from './realtime'

async function request<T>(method: string, path: string, body?: object): Promise<T> {
  async function send(own: Record<string, string>) {
    const response = await fetch(`/api/${path}`, { method, headers: own, ...(body && { body: JSON.stringify(body) }) })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`)
    return response.json()
  }
  // The event of this tab's own write costs it no second fetch.
  return method === 'PUT' ? line.request(send) : send({})
}

/** A text that is shown, and written when it is left. */
function Text({ name }: { readonly name: 'note' | 'board' }) {
  const queryClient = useQueryClient()
  const { data } = useQuery({ queryKey: [name], queryFn: () => request<{ text: string }>('GET', name) })
  const write = async (text: string) => queryClient.setQueryData([name], await request('PUT', name, { text }))
  return (
    <p>
      <label>
        {name}{' '}
        <input
          id={name}
          key={data?.text}
          defaultValue={data?.text}
          onBlur={({ target: { value } }) => value !== data?.text && void write(value)}
        />
      </label>
    </p>
  )
}

function Board() {
  const { name } = useTopic(line, 'board', { queryKeys: [['board']] })
  return (
    <>
      <Text name="board" />
      <p id="topic">{name}</p>
    </>
  )
}

function Status() {
  const { name, host, tabs, pending } = usePartylineStatus()
  const [answer, setAnswer] = useState('')
  const say = (text: string) =>
    line.send('chat:say', { text }).then(
      ({ id }) => setAnswer(`acknowledged ${id}`),
      ({ message }) => setAnswer(message),
    )
  return (
    <>
      <p id="status">{`${name}, ${tabs} tabs, ${pending.count} to fetch`}</p>
      <p id="host">{host}</p>
      <p>
        <button type="button" onClick={() => void say('hi')}>
          Say hi
        </button>{' '}
        <button type="button" onClick={() => void say('')}>
          Say nothing
        </button>{' '}
        <span id="answer">{answer}</span>
      </p>
    </>
  )
}

/** Whose it is, is known in the browser alone. */
function SignedIn({ isOwn, children }: { readonly isOwn: boolean; readonly children: ReactNode }) {
  const { data: user } = useQuery({
    queryKey: ['session'],
    queryFn: () => request<{ id: string | null }>('GET', 'session'),
  })
  if (!user?.id) return <p>Sign in: POST /api/session</p>
  const credentials = isOwn ? {} : { auth: () => request<{ token: string }>('POST', 'line-token') }
  return (
    <PartylineProvider line={isOwn ? ownLine : line} identity={user.id} {...credentials}>
      {children}
    </PartylineProvider>
  )
}

export function Notes({ isOwn }: { readonly isOwn: boolean }) {
  const [queryClient] = useState(
    () => new QueryClient({ defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY } } }),
  )
  return (
    <QueryClientProvider client={queryClient}>
      <SignedIn isOwn={isOwn}>
        <Status />
        <Text name="note" />
        {!isOwn && <Board />}
      </SignedIn>
    </QueryClientProvider>
  )
}
