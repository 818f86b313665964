/** @jsxImportSource preact */
import { useState } from 'preact/hooks'
import { messageOf } from '../../util/errors.js'
import type { Simulation } from '../../wire/hub-calls.js'
import { EventForm } from './event-form.js'
import { Section } from './parts.js'
import type { ViewProps } from './store.js'
import { countText } from './words.js'

type Plain = Exclude<Simulation['name'], 'event'>

const ACTIONS: readonly { name: Plain; title: string; meaning: string; done: string }[] = [
  { name: 'reconnect', title: 'Reconnect', meaning: 'Replaces the connection by another one.', done: 'Reconnecting' },
  { name: 'drop', title: 'Drop', meaning: 'Loses the connection. It comes back as after any loss.', done: 'Dropped' },
  {
    name: 'gap',
    title: 'Gap',
    meaning: 'Says that events may have been missed. Every tab resyncs.',
    done: 'Every tab resyncs',
  },
  { name: 'refusal', title: 'Refusal', meaning: 'Has the credentials refused, once.', done: 'Refused once' },
  {
    name: 'move-leader',
    title: 'Move the leader',
    meaning: 'Another tab takes over. Only where the hub runs in a leader tab.',
    done: 'Another tab takes over',
  },
]

/** Does to this browser's line what the server or the network might do. */
export function SimulateView(view: ViewProps) {
  const { inspection, store, say } = view
  const [count, setCount] = useState(1)
  const { hub } = inspection

  const simulate = (simulation: Simulation, done: string) =>
    void store.line.simulate(simulation).then(
      () => {
        say(done)
        void store.ask()
      },
      (thrown) => say(`That did not work: ${messageOf(thrown)}`),
    )

  return (
    <>
      <Section title="Connection">
        <ul class="actions">
          {ACTIONS.map(({ name, title, meaning, done }) => (
            <li key={name}>
              <button
                type="button"
                disabled={!hub || (name === 'move-leader' && (hub.host !== 'leader-tab' || hub.tabs.length < 2))}
                aria-describedby={`about-${name}`}
                onClick={() => simulate({ name }, done)}
              >
                {title}
              </button>
              <span id={`about-${name}`}>{meaning}</span>
            </li>
          ))}
        </ul>
      </Section>
      <Section title="Event">
        <p class="dim">
          As if the server had sent it. Every tab of this browser hears it, and fetches what it makes stale.
        </p>
        <EventForm
          view={view}
          action={count > 1 ? 'Send the burst' : 'Send'}
          onSubmit={(event, metadata) =>
            simulate({ name: 'event', event, metadata, count }, `Sent ${countText(count, 'event')}`)
          }
        >
          <label>
            How many
            <select value={count} onChange={({ currentTarget }) => setCount(Number(currentTarget.value))}>
              {[1, 10, 100, 1_000].map((value) => (
                <option key={value} value={value}>
                  {value.toLocaleString('en')}
                </option>
              ))}
            </select>
          </label>
        </EventForm>
      </Section>
    </>
  )
}
