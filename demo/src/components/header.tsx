import { useMutation, useQuery } from '@tanstack/react-query'
import { usePartylineStatus } from 'partyline/react'
import type { User } from '../../server/bank.js'
import { profileQuery } from '../queries.js'
import { signOut } from '../session.js'
import { Avatar } from './avatar.js'
import { Brand } from './brand.js'

export function Header({ user }: { user: User }) {
  const profile = useQuery(profileQuery)
  const name = profile.data?.displayName ?? user.name
  const leave = useMutation({ mutationFn: signOut })

  return (
    <header className="bar">
      <Brand />
      <LinePill />
      <div className="bar-user">
        <Avatar name={name} />
        <span className="bar-name" data-testid="user-name">
          {name}
        </span>
        <button type="button" className="button quiet" data-testid="btn-sign-out" onClick={() => leave.mutate()}>
          Sign out
        </button>
      </div>
    </header>
  )
}

/** A short status of the line, and the way to its panel, which on a phone is far down. */
function LinePill() {
  const { name, tabs } = usePartylineStatus()
  return (
    <a className="pill" href="#line" data-state={name}>
      <span className="dot" aria-hidden="true" />
      <span className="pill-long">One line,&nbsp;</span>
      {tabs === 1 ? '1 tab' : `${tabs} tabs`}
    </a>
  )
}
