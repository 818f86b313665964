import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useEffect, useRef, useState } from 'react'
import type { Profile as ProfileData } from '../../server/bank.js'
import { api } from '../api.js'
import { profileQuery } from '../queries.js'
import { Trouble } from './trouble.js'

export function Profile() {
  const profile = useQuery(profileQuery)
  const [editing, setEditing] = useState(false)
  const edit = useRef<HTMLButtonElement>(null)
  const wasEditing = useRef(false)

  // The form has closed: the focus returns to where it came from.
  useEffect(() => {
    if (wasEditing.current && !editing) edit.current?.focus()
    wasEditing.current = editing
  }, [editing])

  return (
    <section className="card profile" aria-labelledby="profile">
      <div className="card-head">
        <h2 id="profile">Your details</h2>
        {profile.data && !editing && (
          <button type="button" className="link" data-testid="profile-edit" ref={edit} onClick={() => setEditing(true)}>
            Edit
          </button>
        )}
      </div>
      <Trouble query={profile} />
      {profile.data &&
        (editing ? (
          <ProfileForm profile={profile.data} onClose={() => setEditing(false)} />
        ) : (
          <dl className="details">
            <div>
              <dt>Name</dt>
              <dd data-testid="profile-name">{profile.data.displayName}</dd>
            </div>
            <div>
              <dt>E-mail</dt>
              <dd data-testid="profile-email">{profile.data.email}</dd>
            </div>
            <div>
              <dt>Phone</dt>
              <dd data-testid="profile-phone">{profile.data.phone}</dd>
            </div>
          </dl>
        ))}
    </section>
  )
}

const FIELDS = [
  { field: 'displayName', label: 'Name', testId: 'profile-name-input', type: 'text', autoComplete: 'name' },
  { field: 'email', label: 'E-mail', testId: 'profile-email-input', type: 'email', autoComplete: 'email' },
  { field: 'phone', label: 'Phone', testId: 'profile-phone-input', type: 'tel', autoComplete: 'tel' },
] as const

function ProfileForm({ profile, onClose }: { profile: ProfileData; onClose: () => void }) {
  // A draft of its own: what another tab saves meanwhile does not overwrite what is being typed here.
  const [draft, setDraft] = useState(profile)
  const queryClient = useQueryClient()
  const save = useMutation({
    mutationFn: api.changeProfile,
    onSuccess: (saved) => {
      // The answer is the new profile: this tab has it now, and the others get the event.
      queryClient.setQueryData(profileQuery.queryKey, saved)
      onClose()
    },
  })
  const first = useRef<HTMLInputElement>(null)
  useEffect(() => first.current?.focus(), [])

  const submit = (event: FormEvent) => {
    event.preventDefault()
    save.mutate(draft)
  }

  return (
    <form className="form profile-form" noValidate onSubmit={submit}>
      {FIELDS.map(({ field, label, testId, type, autoComplete }, index) => (
        <label key={field}>
          {label}
          <input
            ref={index === 0 ? first : null}
            data-testid={testId}
            type={type}
            autoComplete={autoComplete}
            value={draft[field]}
            onChange={(event) => setDraft({ ...draft, [field]: event.target.value })}
          />
        </label>
      ))}
      {save.error && (
        <p className="error" role="alert" data-testid="profile-error">
          {save.error.message}
        </p>
      )}
      <div className="form-buttons">
        <button type="submit" className="button primary" data-testid="profile-save" disabled={save.isPending}>
          Save
        </button>
        <button type="button" className="button quiet" data-testid="profile-cancel" onClick={onClose}>
          Cancel
        </button>
      </div>
    </form>
  )
}
