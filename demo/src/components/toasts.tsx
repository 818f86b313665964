import { useStore } from '../store.js'
import { toasts } from '../toasts.js'

/** What the app says in passing. The region is always there, so that screen readers hear what appears in it. */
export function Toasts() {
  const shown = useStore(toasts)
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map(({ id, text }) => (
        <p key={id} className="toast">
          {text}
        </p>
      ))}
    </div>
  )
}
