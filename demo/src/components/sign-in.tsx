import { useMutation, useQuery } from '@tanstack/react-query'
import { api } from '../api.js'
import { signIn } from '../session.js'
import { Brand } from './brand.js'
import { Avatar } from './avatar.js'

export function SignIn({ notice }: { notice?: string | undefined }) {
  const users = useQuery({ queryKey: ['users'], queryFn: api.users })
  const enter = useMutation({ mutationFn: signIn })

  return (
    <main className="sign-in">
      <Brand />
      <h1>
        Your money, <br />
        live in every tab.
      </h1>
      <p className="lead">
        Ledger is a small bank that shows what <strong>Partyline</strong> does: one socket for the whole browser, and every
        tab up to date.
      </p>
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
      {(enter.error ?? users.error) && (
        <p className="error" role="alert" data-testid="form-error">
          {(enter.error ?? users.error)?.message}
        </p>
      )}
      <p className="fine">A demo: invented people, no passwords, no real money.</p>
    </main>
  )
}
