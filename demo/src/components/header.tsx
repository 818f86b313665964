import { useMutation, useQuery } from '@tanstack/react-query'
import { usePartylineStatus } from 'partyline/react'
import type { User } from '../../server/bank.js'
import { news } from '../news.js'
import { profileQuery } from '../queries.js'
import { signOut } from '../session.js'
import { useStore } from '../store.js'
import { Avatar } from './avatar.js'
import { Brand } from './brand.js'
import { Button } from './button.js'

interface HeaderProps {
  readonly user: User
  readonly isPanelOpen: boolean
  readonly onPanel: () => void
}

export function Header({ user, isPanelOpen, onPanel }: HeaderProps) {
  const profile = useQuery(profileQuery)
  const name = profile.data?.displayName ?? user.name
  const leave = useMutation({ mutationFn: signOut })
  const { name: state, tabs } = usePartylineStatus()
  const said = useStore(news)

  return (
    <header className="bar">
      <Brand />
      <button
        type="button"
        className="pill"
        id="open-line"
        data-state={state}
        aria-expanded={isPanelOpen}
        aria-controls="line"
        onClick={onPanel}
      >
        <span className="dot" aria-hidden="true" />
        {tabs < 2 ? '1 tab' : `${tabs} tabs`}
        <span className="visually-hidden"> on one connection</span>
      </button>
      {/* Always in the page, so that screen readers announce what appears in it. */}
      <p className="news" role="status" data-testid="news">
        {said && <span key={said.id}>{said.text}</span>}
      </p>
      <div className="bar-user">
        <Avatar name={name} />
        <span className="bar-name" data-testid="user-name">
          {name}
        </span>
        <Button
          className="button quiet"
          data-testid="btn-sign-out"
          isBusy={leave.isPending}
          onClick={() => leave.mutate()}
        >
          Sign out
        </Button>
      </div>
    </header>
  )
}
