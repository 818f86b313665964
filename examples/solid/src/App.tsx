import { useQuery, useQueryClient } from '@tanstack/solid-query'
import { PartylineProvider } from 'partyline/solid'
import { For, Match, Switch } from 'solid-js'
import { line, request } from './line'
import { Notes } from './Notes'

export function App() {
  const queryClient = useQueryClient()
  const user = useQuery<{ id?: string }>(() => ({ queryKey: ['user'], queryFn: () => request('GET', 'session') }))

  async function signIn(name: string) {
    queryClient.setQueryData(['user'], await request('POST', 'session', { name }))
  }

  // Nobody is signed in until the answer is here: no socket is opened.
  return (
    <PartylineProvider line={line} identity={user.data?.id} auth={() => request('POST', 'line-token')}>
      <Switch>
        <Match when={user.data?.id}>{(id) => <Notes user={id()} />}</Match>
        <Match when={user.data}>
          <For each={['ann', 'bob']}>
            {(name) => (
              <button type="button" onClick={() => signIn(name)}>
                Sign in as {name}
              </button>
            )}
          </For>
        </Match>
      </Switch>
    </PartylineProvider>
  )
}
