import { useMutation, useQuery } from '@tanstack/react-query'
import { api } from '../api.js'
import { signIn } from '../session.js'
import { Avatar } from './avatar.js'
import { Brand } from './brand.js'
import { Diagram } from './line/diagram.js'
import { Trouble } from './trouble.js'

export function SignIn({ notice }: { notice?: string | undefined }) {
  const users = useQuery({ queryKey: ['users'], queryFn: api.users })
  const enter = useMutation({ mutationFn: signIn })

  return (
    <main className="sign-in">
      <div className="sign-in-form">
        <Brand />
        <h1>
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
        <ul className="people" aria-labelledby="who">
          {users.data?.map(({ id, name }) => (
            <li key={id}>
              <button
                type="button"
                className="person"
                data-testid={`sign-in-${id}`}
                disabled={enter.isPending}
                onClick={() => enter.mutate(id)}
              >
                <Avatar name={name} />
                <span>{name}</span>
                <span className="person-go" aria-hidden="true">
                  →
                </span>
              </button>
            </li>
          ))}
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
      <Diagram tabs={5} connected />
      <h2 id="story">One socket for the whole browser</h2>
      <p>
        Ledger is a small bank that shows what Partyline does. The server says what happened, in a few bytes; each tab
        refetches what that can have changed, and nothing else.
      </p>
      <ol>
        <li>Sign in and open a few tabs.</li>
        <li>Make a payment in one of them, and watch the others.</li>
        <li>Send a burst of 500, or cut the connection.</li>
      </ol>
    </section>
  )
}
