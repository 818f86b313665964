import { useQuery, useQueryClient } from '@tanstack/solid-query'
import { usePartylineStatus, usePendingChanges, useServerEvent, useTopic } from 'partyline/solid'
import { createSignal, Show } from 'solid-js'
import { line, type Name, request } from './line'

export function Notes(props: { user: string }) {
  const queryClient = useQueryClient()
  const note = useQuery(() => ({ queryKey: ['note'], queryFn: () => request('GET', 'note') }))
  // Events change nothing on the screen here: they are counted, until the user asks.
  const board = useQuery(() => ({
    queryKey: ['board'],
    queryFn: () => request('GET', 'board'),
    meta: { live: 'manual' },
  }))

  const status = usePartylineStatus()
  const topic = useTopic(line, 'board', { queryKeys: [['board']] })
  const changes = usePendingChanges(['board'])

  const [heard, setHeard] = createSignal(0)
  useServerEvent(line, 'note_changed', () => setHeard((count) => count + 1))

  async function write(name: Name, text: string) {
    queryClient.setQueryData([name], await request('PUT', name, { text }))
  }

  async function signOut() {
    // First the line: from here on no tab of this user receives anything.
    line.signOut()
    await request('DELETE', 'session')
    // Nothing of this user stays in the page's memory.
    location.reload()
  }

  return (
    <>
      <p>
        {props.user}{' '}
        <button type="button" onClick={signOut}>
          Sign out
        </button>
      </p>
      <p>
        <output id="status">
          {status().name}, {status().tabs} tabs, {status().pending.count} to fetch
        </output>
        , <output id="topic">{topic().name}</output>, <output id="heard">{heard()} events</output>
      </p>
      <p>
        <label>
          Your note{' '}
          <input
            id="note"
            value={note.data?.text ?? ''}
            onChange={({ currentTarget }) => write('note', currentTarget.value)}
          />
        </label>
      </p>
      <p>
        <label>
          The board of all{' '}
          <input
            id="board"
            value={board.data?.text ?? ''}
            onChange={({ currentTarget }) => write('board', currentTarget.value)}
          />
        </label>
        <Show when={changes.count > 0}>
          <button id="refresh" type="button" onClick={changes.refresh}>
            {changes.count} new
          </button>
        </Show>
      </p>
    </>
  )
}
