import { useMutation, useQuery } from '@tanstack/react-query'
import { api } from '../api.js'
import { signIn } from '../session.js'
import { Avatar } from './avatar.js'
import { Brand } from './brand.js'
import { Button } from './button.js'
import { Diagram } from './line/diagram.js'
import { Trouble } from './trouble.js'

export function SignIn({ notice }: { notice?: string | undefined }) {
  const users = useQuery({ queryKey: ['users'], queryFn: api.users })
  const enter = useMutation({ mutationFn: signIn })

  return (
    <main className="sign-in">
      <div className="sign-in-form">
        <Brand />
        <h1 tabIndex={-1}>
          Your money, <br />
          live in every tab.
        </h1>
        {notice && (
          <p className="note" role="status">
            {notice}
          </p>
        )}

        <h2 className="label" id="who">
          Who is banking today?
        </h2>
        <ul className="people" aria-labelledby="who" aria-busy={users.isPending}>
          {users.isPending &&
            [1, 2, 3].map((place) => (
              <li key={place} className="person" aria-hidden="true">
                <span className="placeholder avatar" />
                <span className="placeholder">Somebody</span>
              </li>
            ))}
          {users.data?.map(({ id, name }) => {
            const isEntering = enter.isPending && enter.variables === id
            return (
              <li key={id}>
                <Button
                  className="person"
                  data-testid={`sign-in-${id}`}
                  isBusy={isEntering}
                  isOff={enter.isPending}
                  onClick={() => enter.mutate(id)}
                >
                  <Avatar name={name} />
                  <span>{name}</span>
                  <span className="person-go">{isEntering ? 'Signing in…' : <span aria-hidden="true">→</span>}</span>
                </Button>
              </li>
            )
          })}
        </ul>
        <Trouble query={users} />
        {enter.error && (
          <p className="error" role="alert" data-testid="form-error">
            {enter.error.message}
          </p>
        )}
        <p className="fine">A demo: invented people, no passwords, no real money.</p>
      </div>
      <Story />
    </main>
  )
}

/** What there is to see here, for those who come for Partyline and not for the bank. */
function Story() {
  return (
    <section className="story" aria-labelledby="story">
      <Diagram
        ends={[
          { id: '1', name: 'Your tab', notes: '' },
          { id: '2', name: 'Tab 2', notes: '' },
          { id: '3', name: 'Tab 3', notes: 'hidden' },
          { id: '4', name: 'Tab 4', notes: 'hidden' },
        ]}
        where="in your browser"
        isConnected
      />
      <h2 id="story">One socket for the whole browser</h2>
      <p>
        Ledger is a small bank that shows what Partyline does. The server says what happened, in a few bytes. Each tab
        fetches again what that can have changed, and nothing else.
      </p>
      <ol>
        <li>Sign in and open a few tabs.</li>
        <li>Make a payment in one of them, and watch the others.</li>
        <li>Get 500 refunds at once, or cut the connection.</li>
      </ol>
    </section>
  )
}
