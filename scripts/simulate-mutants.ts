/**
 * Tests the simulation: makes each fault in a copy of the source, and the simulation has to find it.
 * `npm run simulate:mutants -- [--runs 3000] [--only text] [--ignore text] [--source dir]`. A fault that is not found fails, and
 * so does one whose text is missing.
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { bundleSimulation, CACHE, runSimulation } from './simulation.js'

interface Fault {
  readonly name: string
  readonly file: string
  /** Stands there exactly once. */
  readonly find: string
  readonly replace: string
}

const FAULTS: readonly Fault[] = [
  {
    name: 'a server that can’t replay is taken for one that has',
    file: 'src/hub/server-messages.ts',
    find: "handlers.onReplayed(message['replayed'])",
    replace: 'handlers.onReplayed(true)',
  },
  {
    name: 'the server says that its log is further than it is',
    file: 'src/testing/simulated-server.ts',
    find: 'const start = outbox.newest()',
    replace: 'const start = outbox.newest() + 1',
  },
  {
    name: 'history is not broken at a reconnect',
    file: 'src/hub/downstream.ts',
    find: 'if (!unbroken) history.break()',
    replace: '',
  },
  {
    name: 'replay is off by one',
    file: 'src/hub/history.ts',
    find: 'entries.filter((entry) => entry.seq > last)',
    replace: 'entries.filter((entry) => entry.seq > last + 1)',
  },
  {
    name: 'a foreign epoch is taken for its own',
    file: 'src/hub/history.ts',
    find: 'if (theirs === epoch && last !== undefined) {',
    replace: 'if (last !== undefined) {',
  },
  {
    name: 'the outbox is not emptied before a gap and before an attach',
    file: 'src/hub/outbox.ts',
    find: '    post,\n',
    replace: '    post: () => void (waiting = []),\n',
  },
  {
    name: 'a tab that says that it joined the multicast does not listen to it',
    file: 'src/link/hub-client.ts',
    find: 'listen(multicast, receive)',
    replace: '',
  },
  {
    name: 'what is said to all followers at once is not said to who has no part in it',
    file: 'src/hub/outbox.ts',
    find: 'if (isForAll && tab.isOnMulticast) continue',
    replace: 'if (isForAll) continue',
  },
  {
    name: 'no gap is told after a reconnect',
    file: 'src/hub/downstream.ts',
    find: 'if (!unbroken || tab.isOwedGap)',
    replace: 'if (tab.isOwedGap)',
  },
  {
    name: 'no gap at an attach that can not be replayed',
    file: 'src/link/delivery.ts',
    find: 'if (gap) handlers.onGap(gap, flaps)\n      else if',
    replace: 'if',
  },
  {
    name: 'what was replayed is dropped',
    file: 'src/link/delivery.ts',
    find: 'if (replay?.length) handlers.onEvents(replay, replayAges)',
    replace: '',
  },
  {
    name: 'a page that comes back does not attach again',
    file: 'src/link/link.ts',
    find: "if (isParked || store.progress()?.name === 'resting') seek({})",
    replace: "if (store.progress()?.name === 'resting') seek({})",
  },
  {
    name: 'messages are delivered after the end of the session',
    file: 'src/link/link-state.ts',
    find: "isDelivering: () => status.name === 'seeking' || status.name === 'attached',",
    replace: 'isDelivering: () => true,',
  },
  {
    name: 'a hub that is lost is never left',
    file: 'src/link/attachment.ts',
    find: 'if (isLost || signal.aborted) return',
    replace: 'return',
  },
  {
    name: 'a line that ended goes on listening to its page',
    file: 'src/link/link.ts',
    find: '    stopListening()\n',
    replace: '',
  },
  {
    name: "a tab's death by its lock is ignored",
    file: 'src/hub/downstream.ts',
    find: 'tab.gone.signal, () => remove(tab, false))',
    replace: 'tab.gone.signal, () => undefined)',
  },
  {
    name: 'a leadership that was lost is kept',
    file: 'src/election/lock-elector.ts',
    find: 'else if (!signal.aborted) lost.abort(thrown)',
    replace: '',
  },
  {
    name: 'the leadership of a hung owner is never stolen',
    file: 'src/link/leader-tab-rung.ts',
    find: 'steals.length < MAX_STEALS',
    replace: 'false',
  },
  {
    name: 'the lock of a leadership is not released',
    file: 'src/election/lock-elector.ts',
    find: 'return firstAbort(signal, lost.signal)',
    replace: 'return new Promise(() => void firstAbort)',
  },
  {
    name: 'the transport is not closed with its hub',
    file: 'src/hub/connection.ts',
    find: '      transport.close()\n',
    replace: '',
  },
  {
    name: 'the trailing fetch is forgotten',
    file: 'src/invalidation/debts.ts',
    find: '          awaited.delete(queryHash)\n          repeat(queryHash)',
    replace: '          awaited.delete(queryHash)',
  },
  {
    name: 'pending refetches are not kept for the hidden tab',
    file: 'src/invalidation/debts.ts',
    find: '    stale.add(query.queryHash)\n',
    replace: '',
  },
  {
    name: 'a resync never refetches',
    file: 'src/invalidation/pending-refetches.ts',
    find: '        mutationHold.run(refetchAfterGap)',
    replace: '        void refetchAfterGap',
  },
  {
    name: 'fetches are restarted instead of joined',
    file: 'src/invalidation/flush.ts',
    find: 'isIdle(query) ? fetching.markStale(query, visible) : debts.refetchAfterFetch(query)\n    return',
    replace: 'debts.markStale(query, visible)\n    return',
  },
  {
    name: 'data that lacks an event is taken from another tab',
    file: 'src/invalidation/sharing.ts',
    find: 'result.seq < needed.seq',
    replace: 'false',
  },
  {
    name: 'a pipe is kept when its tab has left',
    file: 'src/hub/downstream.ts',
    find: 'if (wasAttached && !tab.isTrusted && tab.endpoint !== kept) tab.endpoint.close()',
    replace: '',
  },
]

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    source: { type: 'string' },
    ignore: { type: 'string', multiple: true },
  },
})
const source = resolve(values.source ?? resolve(import.meta.dirname, '..'))
const faults = FAULTS.filter(({ name }) => values.only === undefined || name.includes(values.only))
let survivors = 0

console.log('fault | caught by | after runs | seed')
for (const { name, file, find, replace } of faults) {
  const original = readFileSync(join(source, file), 'utf8')
  if (original.split(find).length !== 2) {
    console.log(`${name} | ITS TEXT IS NOT in ${file} exactly once | - | -`)
    survivors++
    continue
  }
  const copy = join(CACHE, `mutant-${process.pid}`)
  rmSync(copy, { recursive: true, force: true })
  for (const folder of ['src', 'test']) cpSync(join(source, folder), join(copy, folder), { recursive: true })
  writeFileSync(
    join(copy, file),
    original.replace(find, () => replace),
  )
  const bundle = await bundleSimulation(copy, `mutant-bundle-${process.pid}`)
  const request = { runs: Number(values.runs), seed: Number(values.seed), shrink: false, ignore: values.ignore }
  const caught = await runSimulation(bundle, request, 600_000).then(
    ({ runs, failure }) => failure && { runs: runs + 1, by: `${failure.invariant} (${failure.what.slice(0, 90)})` },
    (thrown: unknown) => ({ runs: 0, by: `the simulation broke down (${String(thrown).slice(0, 60)})` }),
  )
  if (!caught) survivors++
  console.log(
    `${name} | ${caught?.by.split('\n')[0] ?? 'NOT CAUGHT'} | ${caught?.runs ?? values.runs} | ${values.seed}`,
  )
  rmSync(copy, { recursive: true, force: true })
  rmSync(dirname(bundle), { recursive: true, force: true })
}
console.log(`${faults.length - survivors} of ${faults.length} faults caught`)
if (survivors > 0) process.exitCode = 1
