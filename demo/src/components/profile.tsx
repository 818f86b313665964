import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useEffect, useRef, useState } from 'react'
import type { Profile as ProfileData } from '../../server/bank.js'
import { api } from '../api.js'
import { profileQuery } from '../queries.js'
import { Button } from './button.js'
import { Field, FormError, useFieldErrors } from './field.js'
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
      {editing && profile.data ? (
        <ProfileForm profile={profile.data} onClose={() => setEditing(false)} />
      ) : (
        <dl className="details" aria-busy={profile.isPending}>
          {FIELDS.map(({ field, label, testId }) => (
            <div key={field}>
              <dt>{label}</dt>
              <dd data-testid={testId}>
                {profile.data?.[field] ?? (!profile.error && <span className="placeholder">Somebody</span>)}
              </dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  )
}

const FIELDS = [
  { field: 'displayName', label: 'Name', testId: 'profile-name', type: 'text', autoComplete: 'name' },
  { field: 'email', label: 'E-mail', testId: 'profile-email', type: 'email', autoComplete: 'email' },
  { field: 'phone', label: 'Phone', testId: 'profile-phone', type: 'tel', autoComplete: 'tel' },
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
  const { form, errors } = useFieldErrors(save.error)
  useEffect(() => form.current?.querySelector('input')?.focus(), [form])

  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!save.isPending) save.mutate(draft)
  }

  return (
    <form className="form profile-form" noValidate ref={form} onSubmit={submit}>
      {FIELDS.map(({ field, label, testId, type, autoComplete }) => (
        <Field
          key={field}
          label={label}
          error={errors[field]}
          data-testid={`${testId}-input`}
          type={type}
          autoComplete={autoComplete}
          value={draft[field]}
          onChange={(event) => setDraft({ ...draft, [field]: event.target.value })}
        />
      ))}
      <FormError error={save.error} testId="profile-error" />
      <div className="form-buttons">
        <Button type="submit" className="button primary" data-testid="profile-save" isBusy={save.isPending}>
          Save
        </Button>
        <Button className="button quiet" data-testid="profile-cancel" onClick={onClose}>
          Cancel
        </Button>
      </div>
    </form>
  )
}
