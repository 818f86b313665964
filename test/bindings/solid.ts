import { QueryClient, QueryClientProvider } from '@tanstack/solid-query'
import { createComponent, createSignal, type JSX } from 'solid-js'
import { render } from 'solid-js/web'
import {
  PartylineProvider,
  usePartylineStatus,
  usePendingChanges,
  useServerEvent,
  useTopic,
} from '../../src/solid/index.js'
import type { Changes, Harness, Inputs } from './contract.js'

const queryClient = new QueryClient()

/** A provider, and in it a component that uses all of the binding, as Solid's compiler would write them. */
export function solidPage(
  inputs: () => Inputs,
  onRefresh: (refresh: () => void) => void = () => undefined,
): JSX.Element {
  const { line, onBalance, shows } = inputs()
  function User(): JSX.Element {
    const status = usePartylineStatus()
    const topic = useTopic(line, () => inputs().topic, { queryKeys: () => inputs().queryKeys })
    const changes = usePendingChanges(() => inputs().pendingKey)
    useServerEvent(line, 'balance_updated', onBalance)
    onRefresh(changes.refresh)
    return (() => shows(`${status().name} ${topic().name} ${changes.count}`)) as unknown as JSX.Element
  }
  return createComponent(QueryClientProvider, {
    client: queryClient,
    get children() {
      return createComponent(PartylineProvider, {
        line,
        get identity() {
          return inputs().identity
        },
        get auth() {
          return inputs().auth
        },
        get children() {
          return createComponent(User, {})
        },
      })
    },
  })
}

export const solidHarness: Harness = {
  queryClient,
  render(given) {
    const [inputs, setInputs] = createSignal(given)
    let refresh: () => void = () => undefined
    const page = () =>
      solidPage(inputs, (now) => {
        refresh = now
      })
    const unmount = render(page, document.createElement('div'))
    return {
      async set(changes: Changes) {
        setInputs((before) => ({ ...before, ...changes }))
      },
      settle: async () => undefined,
      refresh: () => refresh(),
      unmount,
    }
  },
  renderAlone: () => render(() => usePartylineStatus()().name, document.createElement('div')),
}
