import { useQueryClient } from '@tanstack/react-query'
import { useServerEvent } from 'partyline/react'
import { useEffect, useRef } from 'react'
import { say } from '../news.js'
import { accountsQuery } from '../queries.js'
import { line } from '../realtime.js'

/** Collect for this long: a burst of 500 is one sentence, not 500. */
const COLLECT = 700

/** Announces to the user what happened elsewhere. It draws nothing, and shows another use of events than fetching. */
export function Announcer() {
  const queryClient = useQueryClient()
  const waiting = useRef<{ readonly accountIds: Set<string>; count: number; timer: number }>(undefined)

  useServerEvent(line, 'transaction_happened', ({ accountId }) => {
    waiting.current ??= {
      accountIds: new Set(),
      count: 0,
      timer: window.setTimeout(() => {
        const { accountIds = [], count = 0 } = waiting.current ?? {}
        waiting.current = undefined
        const accounts = queryClient.getQueryData(accountsQuery.queryKey) ?? []
        const names = accounts.filter(({ id }) => new Set(accountIds).has(id)).map(({ name }) => name)
        say(
          `${count === 1 ? 'New transaction' : `${count} new transactions`} in ${names.join(', ') || 'your accounts'}`,
        )
      }, COLLECT),
    }
    waiting.current.accountIds.add(accountId)
    waiting.current.count += 1
  })
  useServerEvent(line, 'loan_status_changed', () => say('A loan has changed'))
  useServerEvent(line, 'profile_updated', () => say('Your details were updated'))

  useEffect(
    () => () => {
      window.clearTimeout(waiting.current?.timer)
      waiting.current = undefined
    },
    [],
  )
  return null
}
