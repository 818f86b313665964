import { useStore } from '../../store.js'
import { total } from '../../tally.js'

const NUMBER = new Intl.NumberFormat('en-IE')

/** What the line saved, against a socket and a refetch per tab. */
export function Savings({ tabs }: { tabs: number }) {
  const { naive, actual } = useStore(total)
  const sockets = Math.max(0, tabs - 1)
  return (
    <section className="savings" aria-label="Savings">
      <p>
        <strong data-testid="fetches-saved">{NUMBER.format(naive - actual)}</strong> fetches saved
      </p>
      <p>
        <strong data-testid="sockets-saved">{sockets}</strong> {sockets === 1 ? 'socket' : 'sockets'} saved
      </p>
      <details>
        <summary>How this is counted</summary>
        <p>
          With a socket in every tab, each event would refetch at once every query of the tab that its keys match:{' '}
          <b data-testid="fetches-naive">{NUMBER.format(naive)}</b> fetches so far. Partyline made{' '}
          <b data-testid="fetches-actual">{NUMBER.format(actual)}</b>: it debounces bursts, leaves out what the event’s
          scope rules out, and lets hidden tabs wait. Summed over all tabs of this browser. Sockets: one instead of one
          per tab.
        </p>
      </details>
    </section>
  )
}
