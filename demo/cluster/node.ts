import { type ChildProcess, fork } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Count, FromProcess, ProcessOptions, ToProcess } from './messages.js'

/** `had`: how many sockets there were; `left`: what was still there in the end; `refused`: in all of its life. */
export type Drained = Omit<Extract<FromProcess, { kind: 'drained' }>, 'kind'>

/** A socket that was opened or closed, as the server saw it. */
export interface SocketEvent {
  readonly node: number
  readonly open: boolean
  /** One browser, as far as the server knows. */
  readonly session: string
  readonly userId: string
  /** Another process has recovered the session: nothing was missed. */
  readonly recovered: boolean
  readonly at: number
}

/** One port of the cluster, for one process after another. */
export class ClusterNode {
  #child: ChildProcess | undefined
  /** The messages of the process. Ends with it. */
  #messages = new EventEmitter()
  isRelaying = false
  /** How many sockets each browser has here. */
  readonly sockets = new Map<string, number>()

  constructor(
    readonly number: number,
    readonly options: ProcessOptions,
    private readonly onSocket: (event: SocketEvent) => void,
  ) {}

  get pid(): number | undefined {
    return this.#child?.pid
  }

  get openSockets(): number {
    return [...this.sockets.values()].reduce((sum, count) => sum + count, 0)
  }

  /** Resolves when it is open, and the load balancer has seen that. */
  async start(): Promise<void> {
    const child = fork(fileURLToPath(new URL('process.ts', import.meta.url)), {
      execArgv: ['--import', 'tsx'],
      env: { ...process.env, LEDGER: JSON.stringify(this.options) },
    })
    this.#child = child
    this.#messages = new EventEmitter()
    const messages = this.#messages
    child.on('message', (message: FromProcess) => {
      if (message.kind === 'relay') this.isRelaying = message.state === 'relaying'
      if (message.kind === 'socket') this.#note(message)
      messages.emit(message.kind, message)
    })
    child.once('exit', (code) => {
      if (this.#child === child) this.#child = undefined
      this.isRelaying = false
      // The kernel has closed what the process could not.
      for (const [session, count] of this.sockets) {
        const event = { node: this.number, open: false, session, userId: '', recovered: false, at: Date.now() }
        for (let socket = 0; socket < count; socket++) this.onSocket(event)
      }
      this.sockets.clear()
      messages.emit('error', new Error(`process ${this.number} has ended (${code})`))
    })
    // `once` rejects with it; without a listener of its own the error would end this process.
    messages.on('error', () => undefined)
    await once(messages, 'open')
  }

  #note({ open, session, userId, recovered, at }: Extract<FromProcess, { kind: 'socket' }>): void {
    const count = (this.sockets.get(session) ?? 0) + (open ? 1 : -1)
    if (count > 0) this.sockets.set(session, count)
    else this.sockets.delete(session)
    this.onSocket({ node: this.number, open, session, userId, recovered, at })
  }

  async #ask<Kind extends FromProcess['kind']>(message: ToProcess, kind: Kind) {
    this.#child?.send(message)
    const [answer] = (await once(this.#messages, kind)) as [Extract<FromProcess, { kind: Kind }>]
    return answer
  }

  count = (): Promise<Count> => this.#ask('count', 'count')

  /** Moves its sockets elsewhere, then ends. */
  async drain(spreadMs: number): Promise<Drained> {
    const child = this.#child
    const drained = await this.#ask({ drain: { spreadMs } }, 'drained')
    if (child && child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    return drained
  }

  /** By SIGKILL: its sockets are not closed first. */
  async kill(): Promise<void> {
    const child = this.#child
    if (!child) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
}
