// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query'
import { act, cleanup, render } from '@testing-library/react'
import { type ReactNode, useState } from 'react'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { MountOptions } from '../index.js'
import { createHints } from '../inspect/hints.js'
import type { AnyLine } from './context.js'
import { PartylineProvider, usePartyline } from './index.js'

beforeEach(() => vi.useFakeTimers())
afterEach(() => {
  cleanup()
  vi.useRealTimers()
})

/** A line that only tells the hints of its mounts. */
function createToldLine() {
  const said: string[] = []
  const mounts: MountOptions[] = []
  const hints = createHints({
    report: (code) => said.push(code),
    name: '',
    invalidates: { balance_updated: ['balance'] },
    socket: {},
    after(ms, run) {
      const timer = setTimeout(run, ms)
      return () => clearTimeout(timer)
    },
    isConnected: () => true,
    look: undefined,
  })
  const mount = (options: MountOptions) => {
    mounts.push(options)
    hints.mounted(options)
    return () => hints.unmounted(options.queryClient)
  }
  return { line: { mount } as unknown as AnyLine, said, mounts }
}

function Balance(): ReactNode {
  // What a hot update keeps: the state of a component whose file is the same.
  useState(0)
  const { data } = useQuery({ queryKey: ['balance'], queryFn: () => 7, staleTime: Number.POSITIVE_INFINITY })
  return data
}

function App({
  line,
  client,
  identity,
  page,
}: {
  line: AnyLine
  client: QueryClient
  identity: unknown
  page?: number
}) {
  return (
    <QueryClientProvider client={client}>
      <PartylineProvider line={line} identity={identity as string}>
        <Balance key={page} />
      </PartylineProvider>
    </QueryClientProvider>
  )
}

const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms))

describe('a QueryClient that is created in the provider’s file', () => {
  it('is another one after a hot update, while queries stay with the former: that is told of', async () => {
    const { line, said } = createToldLine()
    const clients = [new QueryClient(), new QueryClient()] as const
    const { rerender } = render(<App line={line} client={clients[0]} identity="u1" />)
    await pass(1_000)
    rerender(<App line={line} client={clients[1]} identity="u1" />)
    await pass(20_000)
    expect(clients[0].getQueryCache().findAll({ type: 'active' })).toHaveLength(1)
    expect(said).toEqual(['client-replaced'])
  })

  it('is no fault if the queries begin again with the other one, as after a sign-in', async () => {
    const { line, said } = createToldLine()
    const { rerender } = render(<App line={line} client={new QueryClient()} identity="u1" page={1} />)
    await pass(1_000)
    rerender(<App line={line} client={new QueryClient()} identity="u2" page={2} />)
    await pass(20_000)
    expect(said).toEqual([])
  })
})

describe('in components', () => {
  it('an identity that is undefined is told of, and null is not', async () => {
    for (const [identity, codes] of [
      [undefined, ['no-identity']],
      [null, []],
    ] as const) {
      const { line, said } = createToldLine()
      render(<App line={line} client={new QueryClient()} identity={identity} />)
      await pass(40_000)
      expect(said).toEqual(codes)
      cleanup()
    }
  })

  it('auth that is no function is left for the line to tell of', () => {
    const { line, mounts } = createToldLine()
    const Broken = () => {
      usePartyline(line, { identity: 'u1', auth: { token: 'x' } as never })
      return null
    }
    render(
      <QueryClientProvider client={new QueryClient()}>
        <Broken />
      </QueryClientProvider>,
    )
    expect(mounts[0]?.auth).toEqual({ token: 'x' })
  })

  it('a provider outside of QueryClientProvider says which one is missing', () => {
    const { line } = createToldLine()
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    expect(() => render(<PartylineProvider line={line} identity="u1" />)).toThrow('QueryClientProvider')
  })
})
