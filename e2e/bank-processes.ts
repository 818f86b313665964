import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Database } from '../demo/server/database.js'
import type { BankCount, BankProcessOptions } from './bank-process.js'

/** Writes at this rate (per second), also while no server runs. `stop` resolves when the last one is in the database. */
export function feed({ query }: Database, accounts: readonly string[], perSecond = 50) {
  const began = Date.now()
  const writes: Promise<unknown>[] = []
  // A late timer is followed by several writes at once.
  const timer = setInterval(() => {
    while (writes.length < ((Date.now() - began) / 1_000) * perSecond) {
      const account = accounts[writes.length % accounts.length]
      const values = [account, 1 + (writes.length % 900), `Payer ${writes.length}`]
      const insert = `insert into ledger.transactions (account_id, type, amount_cents, counterparty) values ($1, 'card', $2, $3)`
      writes.push(query(insert, values))
    }
  }, 20)
  return {
    async stop(): Promise<string> {
      clearInterval(timer)
      await Promise.all(writes)
      return `${writes.length} writes, ${(writes.length / ((Date.now() - began) / 1_000)).toFixed(0)} a second`
    },
  }
}

/** One bank process after another, on one port; the next one is always ready, as its start takes seconds. */
export function bankProcesses(options: BankProcessOptions) {
  const make = () => {
    const child = fork(fileURLToPath(new URL('bank-process.ts', import.meta.url)), { execArgv: ['--import', 'tsx'] })
    return { child, ready: once(child, 'message') }
  }
  let spare = make()
  let current: ChildProcess | undefined
  const kill = async (child: ChildProcess | undefined) => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  return {
    async open(): Promise<void> {
      const { child, ready } = spare
      await ready
      child.send(options)
      await once(child, 'message')
      current = child
      spare = make()
    },
    /** By SIGKILL: the kernel closes the sockets. */
    kill: () => kill(current),
    async count(): Promise<BankCount> {
      current?.send('count')
      const [count] = (await once(current as ChildProcess, 'message')) as [BankCount]
      return count
    },
    async end(): Promise<void> {
      await kill(current)
      await kill(spare.child)
    },
  }
}
