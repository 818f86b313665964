import { useStore } from '../store.js'
import { Chart } from './chart.js'
import { Controls } from './controls.js'
import { Half } from './half.js'
import { wall } from './state.js'

export function WallPage() {
  const { isCut, summary } = useStore(wall)
  return (
    <>
      <header className="top">
        <h1>
          Twelve tabs, <span>one socket</span>
        </h1>
        <p>One server, the same events, the same tabs, twice.</p>
        <a className="act-button" href="/bank">
          Open the bank
        </a>
      </header>
      <main>
        {isCut && (
          <p className="cut" role="alert">
            This page can’t reach its server. What it shows is old; it tries again every moment.
          </p>
        )}
        <Controls />
        <div className="halves">
          <Half half="left" />
          <Half half="right" />
        </div>
        <Chart />
        <p className="fine">
          All numbers are counted at the server, since this page was opened; loading the page is not in them. Every tile
          is a page of its own in a frame, with its own TanStack Query. Dashed edge: it knows that what it shows may be
          old. Hidden and frozen tabs are acted. A tile counts as old two seconds after the database has changed.
        </p>
        <p className="visually-hidden" role="status" data-testid="summary">
          {summary}
        </p>
      </main>
    </>
  )
}
