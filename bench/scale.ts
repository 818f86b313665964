/**
 * The tables of docs/scale.md: `node --import tsx bench/scale.ts` writes them again. model.ts has the closed form, day.ts a day of a
 * million users. Their constants are what the bench has measured (bench/results.json, bench/load.json). The closed form is held
 * against a simulation, and the script fails where the two differ.
 */
import { readFileSync } from 'node:fs'
import { type Capacity, processesFor, type Scene, simulateDay } from './day.js'
import type { LoadResults } from './load/results.js'
import { type Constants, constantsOf, debounced, type Load, partyline, recipe, simulate } from './model.js'
import { readResults } from './sharing/results.js'
import { writeFigures } from './write-figures.js'

const TURNS = 1 / 60
const SCENES: readonly (Load & { readonly name: string })[] = [
  { name: 'an office tool', users: 1_000, tabs: 3, events: 0.01, turns: TURNS, queries: 2 },
  { name: 'a bank', users: 10_000, tabs: 5, events: 0.1, turns: TURNS, queries: 2 },
  { name: 'a bank, ten times as big', users: 100_000, tabs: 5, events: 0.1, turns: TURNS, queries: 2 },
  { name: 'a support desk', users: 2_000, tabs: 20, events: 1, turns: 6 * TURNS, queries: 2 },
  { name: 'a trading floor', users: 1_000, tabs: 10, events: 10, turns: TURNS, queries: 2 },
]

const shown = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en') : Number(value.toPrecision(2)).toString()

function markdown(header: readonly string[], rows: readonly (readonly string[])[], texts: number): string {
  const rule = header.map((_title, column) => (column < texts ? '---' : '---:'))
  return [header, rule, ...rows].map((line) => `| ${line.join(' | ')} |`).join('\n')
}

function scenes(constants: Constants): string {
  const rows = SCENES.map((load) => {
    const [plain, patient, ours] = [recipe(load, constants), debounced(load, constants), partyline(load, constants)]
    return [
      load.name,
      ...[load.users, load.tabs, load.events].map((value) => value.toLocaleString('en')),
      ...[plain.sockets, ours.sockets, plain.messages, ours.messages].map(shown),
      ...[plain.requests, patient.requests, ours.requests].map(shown),
    ]
  })
  const header = ['', 'users', 'tabs', 'events/s to each', 'sockets', 'with Partyline', 'messages/s', 'with Partyline']
  return markdown([...header, 'requests/s', 'with a debounce', 'with Partyline'], rows, 1)
}

/** Where the closed form and the simulation differ by more than chance, one of them is wrong. */
const TOLERANCE = 0.03

function check(): string {
  const load = { users: 1, tabs: 5, turns: TURNS, queries: 1 }
  const one = { sockets: 1, requests: 1 }
  const constants = { recipe: one, partyline: one }
  const rows = [0.01, 0.1, 1, 3, 10, 30, 100].map((events) => {
    const of = { ...load, events }
    const simulated = simulate(of, 400_000)
    const formula = {
      debounced: debounced(of, constants).requests / of.tabs,
      partyline: partyline(of, constants).requests,
    }
    for (const kind of ['debounced', 'partyline'] as const) {
      // What all but never happens is nothing to compare by.
      if (formula[kind] < events * 1e-3) continue
      const off = Math.abs(simulated[kind] / formula[kind] - 1)
      if (off > TOLERANCE)
        throw new Error(`${kind} at ${events}/s: the simulation is off by ${(off * 100).toFixed(1)} %`)
    }
    return [
      String(events),
      shown(recipe(of, constants).requests),
      shown(formula.debounced * of.tabs),
      shown(simulated.debounced * of.tabs),
      shown(formula.partyline),
      shown(simulated.partyline),
    ]
  })
  return markdown(['events/s', 'recipe', 'with a debounce', 'simulated', 'with Partyline', 'simulated'], rows, 0)
}

function capacityOf({ 'socket.io': wire, return: back }: LoadResults): Capacity | undefined {
  const held = wire?.steps.filter((step) => step.held && step.to === 'user').at(-1)
  const spread = back?.returns.find(({ comeBack }) => comeBack === 'spread')
  if (!held || !spread) return undefined
  return { sockets: held.sockets, messages: held.deliveriesPerSecond, handshakeCpuMs: spread.cpuMsPerSocket }
}

/** Whatever is less than one in two seconds is nothing on such a day. */
const whole = (value: number): string => Math.round(value).toLocaleString('en')

function day(scenes: readonly Scene[], capacity: Capacity | undefined): string {
  const rows = scenes.map(({ name, recipe: theirs, partyline: ours }) => [
    name,
    ...[theirs.handshakes, ours.handshakes, theirs.requests, ours.requests, theirs.messages, ours.messages].map(whole),
  ])
  const header = ['the worst second of', 'handshakes', 'with Partyline', 'requests', 'with Partyline', 'messages']
  const table = markdown([...header, 'with Partyline'], rows, 1)
  if (!capacity) return table
  const { sockets, messages, handshakes } = processesFor(scenes, capacity)
  const n = (value: number) => value.toLocaleString('en')
  return `${table}

[The load script](deploy.md#figures) has measured one process with Socket.IO that shared two cores with its clients. It held ${n(capacity.sockets)} sockets and ${n(capacity.messages)} messages a second. A connection that comes back costs it ${capacity.handshakeCpuMs} ms of CPU. So the day with Partyline asks for ${n(sockets)} processes by its sockets, for ${n(messages)} by its messages, and for ${n(handshakes)} whole cores by the handshakes of its worst second.`
}

/** All that stands between the marks of docs/scale.md. */
export function scaleTables(): string {
  const constants = constantsOf(readResults().figures)
  const load = JSON.parse(readFileSync(new URL('load.json', import.meta.url), 'utf8')) as LoadResults
  return [
    '**A backend.**',
    scenes(constants),
    '**One user with five tabs**: requests per second for one query that every event concerns.',
    check(),
    '**A day of a million users**, second by second.',
    day(simulateDay(constants), capacityOf(load)),
  ].join('\n\n')
}

export const writeScale = (): void => writeFigures('docs/scale.md', 'bench/scale.ts', scaleTables())

if (process.argv[1]?.endsWith('scale.ts')) {
  writeScale()
  console.log(scaleTables())
}
