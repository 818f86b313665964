import { useState } from 'react'
import { Button } from './button.js'

interface Asked {
  readonly error: Error | null
  readonly data: unknown
  refetch(): Promise<unknown>
}

/** A failed query: why, and a way to retry. Nothing while there is data to show. */
export function Trouble({ query }: { query: Asked }) {
  const [isAsking, setAsking] = useState(false)
  if (!query.error || query.data !== undefined) return null
  const again = () => {
    setAsking(true)
    void query.refetch().finally(() => setAsking(false))
  }
  return (
    <p className="error" role="alert">
      {query.error.message}{' '}
      <Button className="link" isBusy={isAsking} onClick={again}>
        Try again
      </Button>
    </p>
  )
}
