interface Asked {
  readonly error: Error | null
  readonly data: unknown
  refetch(): Promise<unknown>
}

/** What to show of a query that failed: why, and a way to ask again. Nothing while there is data to show. */
export function Trouble({ query }: { query: Asked }) {
  if (!query.error || query.data !== undefined) return null
  return (
    <p className="error" role="alert">
      {query.error.message}{' '}
      <button type="button" className="link" onClick={() => void query.refetch()}>
        Try again
      </button>
    </p>
  )
}
