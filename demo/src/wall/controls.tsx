import { useEffect, useState } from 'react'
import { useStore } from '../store.js'
import { actions, FROZEN, type WallState, wall } from './state.js'

const SLOWEST = 0.1
const FASTEST = 50
const STEPS = 100
const FIRST_RATE = 0.5

// Each step is as much faster than the one before it: 0.1 to 1 has as much room as 5 to 50.
const rateAt = (step: number) => {
  const rate = SLOWEST * (FASTEST / SLOWEST) ** (step / STEPS)
  return rate < 10 ? Math.round(rate * 10) / 10 : Math.round(rate)
}
const stepAt = (rate: number) => Math.round((STEPS * Math.log(rate / SLOWEST)) / Math.log(FASTEST / SLOWEST))

/** How fast the data changes, and what can go wrong. */
export function Controls() {
  const state = useStore(wall)
  return (
    <section className="card controls" aria-label="What happens">
      <Rate isOpen={state.id !== undefined} />
      <Buttons {...state} />
      <p className="note" role="status">
        {state.note}
      </p>
    </section>
  )
}

function Rate({ isOpen }: { isOpen: boolean }) {
  const [step, setStep] = useState(stepAt(FIRST_RATE))
  const [isPaused, setPaused] = useState(false)
  const rate = rateAt(step)
  const asked = isPaused ? 0 : rate

  // A slider says dozens of values on its way.
  useEffect(() => {
    if (!isOpen) return
    const timer = setTimeout(() => void actions.setRate(asked), 120)
    return () => clearTimeout(timer)
  }, [asked, isOpen])

  return (
    <div className="rate">
      <button type="button" className="act-button" aria-pressed={isPaused} onClick={() => setPaused(!isPaused)}>
        Pause
      </button>
      <label htmlFor="rate">
        Events a second <output htmlFor="rate">{isPaused ? 'paused' : rate}</output>
      </label>
      <input
        id="rate"
        type="range"
        min={0}
        max={STEPS}
        value={step}
        aria-valuetext={`${rate} events a second`}
        onChange={(event) => setStep(Number(event.target.value))}
      />
    </div>
  )
}

const seconds = (ms: number) => `${Math.ceil(ms / 1_000)} s`

function Buttons({ view, host, areHidden, isFrozen, births }: WallState) {
  const restartingMs = view?.restartingForMs ?? 0
  const apiDownMs = view?.apiDownForMs ?? 0
  const isClosed = [...births.left, ...births.right].some((birth) => birth < 0)
  const button = (
    name: string,
    run: () => void,
    { isBusy = false, isPressed }: { isBusy?: boolean; isPressed?: boolean } = {},
  ) => (
    <button
      type="button"
      className="act-button"
      aria-pressed={isPressed}
      // It keeps the focus while it can't be used.
      aria-disabled={isBusy || !view}
      onClick={() => !isBusy && view && run()}
    >
      {name}
    </button>
  )
  return (
    <fieldset className="buttons">
      <legend className="visually-hidden">Accidents</legend>
      {button('Burst of 500', () => void actions.burst(500))}
      {button(
        restartingMs ? `Restarting, ${seconds(restartingMs)}` : 'Restart the server',
        () => void actions.restart(),
        {
          isBusy: restartingMs > 0,
        },
      )}
      {button(apiDownMs ? `API is down, ${seconds(apiDownMs)}` : 'API down for 10 s', () => void actions.stopApi(), {
        isBusy: apiDownMs > 0,
      })}
      {button('Close the owner', actions.closeOwner, { isBusy: isClosed })}
      {button(`Freeze tab ${FROZEN}`, actions.freeze, { isPressed: isFrozen })}
      {button('Hide 3 tabs', actions.hide, { isPressed: areHidden })}
      {button('No SharedWorker', actions.changeHost, { isPressed: host === 'leader-tab' })}
    </fieldset>
  )
}
