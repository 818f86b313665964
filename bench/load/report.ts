/** The results as Markdown, for docs/deploy.md. */
import type { Return, Step } from './bed.js'
import type { LoadResults } from './results.js'

const n = (value: number) => value.toLocaleString('en')
const NAMES = { 'socket.io': 'Socket.IO', websocket: 'plain WebSocket', sse: 'SSE' } as const

function table(header: readonly string[], rows: readonly (readonly string[])[], texts: number): string {
  const rule = header.map((_title, column) => (column < texts ? '---' : '---:'))
  return [header, rule, ...rows].map((line) => `| ${line.join(' | ')} |`).join('\n')
}

const stepRow = (name: string, step: Step): string[] => [
  name,
  step.to === 'user' ? 'one user each' : 'everyone',
  n(step.sockets),
  n(step.eventsPerSecond),
  n(step.deliveriesPerSecond),
  `${step.p50} ms`,
  `${step.p99} ms`,
  `${step.serverCpu} %`,
  step.held ? '' : 'too much',
]

/** The last step that held, and the one that did not. */
const lastOf = (steps: readonly Step[], to: Step['to']): readonly Step[] => {
  const own = steps.filter((step) => step.to === to)
  const held = own.filter((step) => step.held).at(-1)
  const over = own.find((step) => !step.held)
  return [held, over].filter((step) => step !== undefined)
}

const returnRow = (one: Return): string[] => [
  one.comeBack === 'spread' ? "with Partyline's pauses" : 'at once',
  n(one.sockets),
  `${one.seconds} s`,
  n(one.worstSecond),
  n(one.attempts),
  `${one.handshakeP50} ms`,
  `${one.handshakeP99} ms`,
  `${one.loopDelayMs} ms`,
  `${one.cpuMsPerSocket} ms`,
]

export function figuresOf(results: LoadResults): string {
  const wires = (Object.keys(NAMES) as (keyof typeof NAMES)[]).flatMap((wire) => {
    const result = results[wire]
    return result ? [{ name: NAMES[wire], ...result }] : []
  })
  const { cluster, return: back } = results
  const measured = [
    ...wires.map(({ name, loadBefore }) => `${name} ${loadBefore}`),
    ...(cluster ? [`cluster ${cluster.loadBefore}`] : []),
    ...(back ? [`return ${back.loadBefore}`] : []),
  ]
  const machine = (wires[0] ?? cluster ?? back)?.machine ?? ''
  const parts = [`Measured on ${machine}. The load average before each part: ${measured.join(', ')}.`]
  if (wires.length > 0) {
    const rows = wires.flatMap(({ name, emptyRssMb, idle }) => [
      [name, '0', `${emptyRssMb} MB`, ''],
      ...idle.map((row) => [name, n(row.sockets), `${row.rssMb} MB`, `${row.rssKbPerSocket} kB`]),
    ])
    parts.push(table(['one process', 'idle sockets', 'RSS of the process', 'RSS per socket'], rows, 1))
  }
  const steps = [
    ...wires.flatMap(({ name, steps }) =>
      (['user', 'everyone'] as const).flatMap((to) => lastOf(steps, to).map((step) => stepRow(name, step))),
    ),
    ...(['user', 'everyone'] as const).flatMap((to) =>
      lastOf(cluster?.steps ?? [], to).map((step) =>
        stepRow(`Socket.IO, ${cluster?.processes ?? 0} processes with Redis`, step),
      ),
    ),
  ]
  if (steps.length > 0)
    parts.push(table(['', 'to', 'sockets', 'events/s', 'deliveries/s', 'p50', 'p99', "servers' CPU", ''], steps, 2))
  if (back) {
    const header = [
      'all sockets are lost, and come back',
      'sockets',
      'the last one after',
      'handshakes in the worst second',
    ]
    parts.push(
      table(
        [...header, 'attempts', 'handshake p50', 'p99', 'event loop late by', "server's CPU per socket"],
        back.returns.map(returnRow),
        1,
      ),
    )
  }
  return parts.join('\n\n')
}
