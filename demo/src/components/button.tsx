import type { ButtonHTMLAttributes } from 'react'

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  /** What it began is not done yet: it says so, and can't be pressed again. */
  readonly isBusy?: boolean
  /** It can't be pressed now. */
  readonly isOff?: boolean
}

/** A button that keeps the focus while it can't be pressed: `disabled` would lose it. */
export function Button({ isBusy = false, isOff = false, type = 'button', onClick, children, ...rest }: ButtonProps) {
  const isStill = isBusy || isOff
  return (
    <button
      {...rest}
      type={type}
      aria-disabled={isStill || undefined}
      aria-busy={isBusy || undefined}
      onClick={(event) => (isStill ? event.preventDefault() : onClick?.(event))}
    >
      {isBusy && <span className="spinner" aria-hidden="true" />}
      {children}
    </button>
  )
}
