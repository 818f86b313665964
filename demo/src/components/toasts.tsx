import { useStore } from '../store.js'
import { toasts } from '../toasts.js'

/** Short messages. The region is always in the page, so that screen readers announce what appears in it. */
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
