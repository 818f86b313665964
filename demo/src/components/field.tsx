import { type InputHTMLAttributes, type ReactNode, type RefObject, useEffect, useId, useRef } from 'react'
import { ApiError } from '../api.js'

interface FieldProps extends InputHTMLAttributes<HTMLInputElement> {
  readonly label: string
  readonly error?: string | undefined
}

/** An input with its label, and with what is wrong with it. */
export function Field({ label, error, ...rest }: FieldProps) {
  const errorId = useId()
  return (
    <div className="field">
      <label>
        {label}
        <input
          {...rest}
          aria-invalid={error !== undefined}
          aria-describedby={error === undefined ? undefined : errorId}
        />
      </label>
      {error !== undefined && (
        <p className="field-error" id={errorId}>
          {error}
        </p>
      )}
    </div>
  )
}

/** What is wrong with each field of a form; the focus goes to the first of them. */
export function useFieldErrors(error: Error | null): {
  readonly form: RefObject<HTMLFormElement | null>
  readonly errors: Readonly<Record<string, string>>
} {
  const form = useRef<HTMLFormElement>(null)
  useEffect(() => {
    if (error) form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus()
  }, [error])
  return { form, errors: error instanceof ApiError ? error.fields : {} }
}

/** What is wrong with the whole of a form, and not with one of its fields. */
export function FormError({ error, testId }: { error: Error | null; testId: string }): ReactNode {
  if (!error || (error instanceof ApiError && Object.keys(error.fields).length > 0)) return null
  return (
    <p className="error" role="alert" data-testid={testId}>
      {error.message}
    </p>
  )
}
