const PEOPLE = ['Ann', 'Bob']

export function SignIn({
  notice,
  onSignIn,
}: {
  notice: string | undefined
  onSignIn: (name: string) => Promise<void>
}) {
  return (
    <main className="sign-in">
      <h1>A bank on Django, live in every tab.</h1>
      <p>Sign in, and open this page in a few more tabs. They share one WebSocket.</p>
      {notice && (
        <p className="error" role="alert" data-testid="notice">
          {notice}
        </p>
      )}
      <ul className="people">
        {PEOPLE.map((name) => (
          <li key={name}>
            <button
              type="button"
              data-testid={`sign-in-${name.toLowerCase()}`}
              onClick={() => void onSignIn(name.toLowerCase())}
            >
              {name}
              <span className="arrow" aria-hidden="true">
                →
              </span>
            </button>
          </li>
        ))}
      </ul>
      <p className="fine">An example: there are no passwords.</p>
    </main>
  )
}
