interface Asked {
  readonly error: Error | null
  readonly data: unknown
  refetch(): Promise<unknown>
}

/** A failed query: why, and a way to retry. Nothing while there is data to show. */
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
