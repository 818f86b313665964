import { afterAll, describe, expect, it } from 'vitest'
import { startPostgres } from '../../scripts/postgres.js'
import { ORIGIN_HEADER, originOf } from '../../src/server/index.js'
import { startForTests } from '../../test/services.js'
import { until } from '../../test/until.js'
import { newestOf, replayFrom } from './replay.js'
import { setUp as setUpOn } from './test-setup.js'

// A real PostgreSQL, real Socket.IO servers and clients.

const server = await startForTests(startPostgres)
afterAll(() => server?.stop())
const setUp = () => setUpOn(server?.url ?? '')

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1)
const GAP = { gap: true }
/** As `originOf(request)` gives it. */
const ORIGIN = originOf({ [ORIGIN_HEADER]: 'secret' }) ?? ''

describe.skipIf(!server)('the outbox', () => {
  it('relays what is committed, with its number, to its user; not what is rolled back', async () => {
    const { add, begin, listener, client } = await setUp()
    const [ann, bob] = [await listener('ann'), await listener('bob')]
    await begin()
    const other = await client()
    await other.query('begin')
    await other.query(`select outbox.add('ann', 'changed', '{"n": 99}')`)
    await other.query('rollback')
    await add('ann', 1)
    await add(null, 2)
    await other.query(`select outbox.add('ann', 'changed', '{"n": 3}', '${ORIGIN}')`)
    await until(() => expect(ann.numbers()).toEqual([1, 2, 3]))
    expect(bob.numbers()).toEqual([2])
    expect(ann.heard()[2]).toEqual({ n: 3, _line: { id: expect.any(Number), origin: ORIGIN } })
    const ids = ann.heard().map(({ _line }) => _line.id)
    expect(ids).toEqual([...ids].sort((a, b) => a - b))
  })

  it('numbers in the order of the commits: nothing can be seen before what has a smaller number', async () => {
    const { add, begin, listener, client, pool } = await setUp()
    const ann = await listener()
    await begin()
    const slow = await client()
    await slow.query('begin')
    await slow.query(`select outbox.add('ann', 'changed', '{"n": 1}')`)
    // As if its commit took long: its number is given already.
    await slow.query('set constraints all immediate')
    const second = add('ann', 2)
    const waiting = `select from pg_locks where locktype = 'advisory' and not granted and database =
                       (select oid from pg_database where datname = current_database())`
    await until(async () => expect((await pool.query(waiting)).rowCount).toBe(1))
    expect(ann.numbers()).toEqual([])
    await slow.query('commit')
    await second
    await until(() => expect(ann.numbers()).toEqual([1, 2]))
  })

  it('takes part in no deadlock: transactions may lock what they like after they have added an event', async () => {
    const { client, pool } = await setUp()
    await pool.query('create table accounts as select 1 as id, 0 as balance')
    const [one, two] = [await client(), await client()]
    const update = 'update accounts set balance = balance + 1'
    const add = `select outbox.add('ann', 'changed', '{"n": 1}')`
    for (const each of [one, two]) await each.query('begin')
    await one.query(add)
    await two.query(update)
    const blocked = one.query(update)
    await two.query(add)
    await two.query('commit')
    await blocked
    await one.query('commit')
    expect((await pool.query('select from outbox.events where id is not null')).rowCount).toBe(2)
  })

  it('loses nothing when its connection is terminated, again and again, under writes', async () => {
    const { add, begin, listener, terminate } = await setUp()
    const ann = await listener()
    const { states, errors } = await begin()
    const atWork = () => states.filter((state) => state === 'relaying').length
    for (let n = 1; n <= 600; n++) {
      await add('ann', n)
      // Not before the relay has a connection again, or there is nothing to terminate.
      if (n % 100 === 0) {
        await until(() => expect(atWork()).toBe(n / 100))
        await terminate()
      }
    }
    await until(() => expect(new Set(ann.numbers())).toEqual(new Set(upTo(600))))
    // In order, and what came twice has the same number.
    expect([...new Set(ann.numbers())]).toEqual(upTo(600))
    const ids = new Map(ann.heard().map(({ n, _line }) => [n, _line.id]))
    expect(new Set(ann.heard().map(({ _line }) => _line.id)).size).toBe(ids.size)
    await until(() => expect([atWork(), errors.length]).toEqual([7, 6]))
    // The relay always knew what was missing: only the first start was a gap.
    expect(ann.said()).toEqual([GAP])
  })

  it('sends a gap when it starts for the first time', async () => {
    const { add, begin, listener } = await setUp()
    await add('ann', 1)
    const ann = await listener()
    await begin()
    await add('ann', 2)
    await until(() => expect(ann.numbers()).toEqual([2]))
    expect(ann.said()).toEqual([GAP])
  })

  it('goes on from its position after a restart, and sends a gap when that was pruned', async () => {
    const { add, begin, listener, pool, relay } = await setUp()
    await (await begin()).relay.stop()
    const ann = await listener()
    for (const n of upTo(3)) await add('ann', n)
    const second = relay()
    await until(() => expect(ann.numbers()).toEqual([1, 2, 3]))
    await second.relay.stop()
    expect(ann.said()).toEqual([])

    for (const n of [4, 5]) await add('ann', n)
    await pool.query(`select outbox.prune('0 seconds')`)
    await add('ann', 6)
    relay()
    await until(() => expect(ann.said()).toEqual([GAP]))
    await add('ann', 7)
    // The gap covers 6: it was added before the read.
    await until(() => expect(ann.numbers()).toEqual([1, 2, 3, 7]))
    expect(ann.said()).toEqual([GAP])
  })

  it('sends a gap when its position is deleted, while it runs or not', async () => {
    const { add, begin, listener, pool, relay } = await setUp()
    const first = await begin()
    const ann = await listener()
    await add('ann', 1)
    await until(() => expect(ann.numbers()).toEqual([1]))
    await pool.query('update outbox.state set relayed = null')
    await add('ann', 2)
    await until(() => expect(ann.said()).toEqual([GAP]))
    await first.relay.stop()
    await pool.query('update outbox.state set relayed = null')
    relay()
    await until(() => expect(ann.said()).toEqual([GAP, GAP]))
  })

  it('after a restore no number counts: neither the relay’s nor a browser’s', async () => {
    const { add, begin, listener, pool } = await setUp()
    const ann = await listener()
    await begin()
    for (const n of upTo(5)) await add('ann', n)
    await until(() => expect(ann.numbers()).toEqual(upTo(5)))
    const cursor = ann.heard().at(-1)?._line.id ?? 0
    // As it was when the backup was made.
    await pool.query('delete from outbox.events where id > 2')
    await pool.query(`select setval('outbox.numbers', 2)`)
    await pool.query('update outbox.state set relayed = 2')
    await pool.query('select outbox.restored()')
    await until(() => expect(ann.said()).toEqual([GAP, GAP]))
    for (const n of upTo(5)) await add('ann', 10 + n)
    await until(() => expect(ann.numbers().slice(5)).toEqual([11, 12, 13, 14, 15]))
    // None of the new numbers is one that was given before.
    expect(
      Math.min(
        ...ann
          .heard()
          .slice(5)
          .map(({ _line }) => _line.id),
      ),
    ).toBeGreaterThan(cursor)
    const replay = replayFrom(pool)
    expect(await replay({ userId: 'ann' }, cursor)).toBe(false)
    expect(await replay({ userId: 'ann' }, ann.heard()[6]?._line.id ?? 0)).toHaveLength(3)
    const newest = newestOf(pool)
    const last = await newest()
    // The sequence is ahead of what is committed: a browser that began there would never get the next events.
    await pool.query(`select nextval('outbox.numbers')`)
    expect(await newest()).toBe(last)
    await pool.query(`select outbox.prune('0 seconds')`)
    expect(await replay({ userId: 'ann' }, cursor)).toBe(false)
    // A browser that connects now gets a replay from here, though there is no event left.
    expect(await newest()).toBe(last)
    expect(await replay({ userId: 'ann' }, last)).toEqual([])
  })

  it('numbers without reading the whole table, also with a plan from when it was empty', async () => {
    const { client, pool } = await setUp()
    const own = await client()
    const counts = async () => {
      const { rows } = await pool.query(
        `select n_tup_ins::integer as added, seq_scan::integer as scans from pg_stat_user_tables where relname = 'events'`,
      )
      return rows[0]
    }
    await pool.query('vacuum analyze outbox.events')
    for (const n of upTo(40)) await own.query('select outbox.add(null, $1, $2)', ['changed', { n }])
    // Statistics come a little later; with the end of the connection at the latest.
    await own.end()
    await until(async () => expect(await counts()).toEqual({ added: 40, scans: 0 }))
  })

  it('sends a gap when there is too much to catch up on', async () => {
    const { add, begin, listener, relay } = await setUp()
    await (await begin()).relay.stop()
    const ann = await listener()
    for (const n of upTo(6)) await add('ann', n)
    relay({ mostBehind: 5 })
    await until(() => expect(ann.said()).toEqual([GAP]))
    await add('ann', 7)
    await until(() => expect(ann.numbers()).toEqual([7]))
  })

  it('runs one relay; the next one takes over, and nothing is sent twice or lost', async () => {
    const { add, begin, listener, relay } = await setUp()
    const ann = await listener()
    const first = await begin()
    const second = relay()
    await until(() => expect(second.states).toEqual(['standing-by']))
    for (const n of upTo(50)) await add('ann', n)
    await until(() => expect(ann.numbers()).toEqual(upTo(50)))
    const stopping = first.relay.stop()
    for (const n of upTo(50)) await add('ann', 50 + n)
    await stopping
    await until(() => expect(ann.numbers()).toEqual(upTo(100)))
    expect([first.relay.state, second.relay.state]).toEqual(['stopped', 'relaying'])
    expect(ann.said()).toEqual([GAP])
  })

  it('with an adapter, the next relay begins with the last seconds again, in order: they may not have arrived here yet', async () => {
    const { add, begin, listener, relay, pool } = await setUp()
    const ann = await listener()
    const confirm = async () => undefined
    const first = relay({ confirm })
    await until(() => expect(ann.said()).toEqual([GAP]))
    for (const n of [1, 2, 3]) await add('ann', n)
    await until(() => expect(ann.numbers()).toEqual([1, 2, 3]))
    await first.relay.stop()
    await add('ann', 4)
    // However long this takes, the others stay within the last seconds.
    await pool.query(
      `update outbox.events set numbered_at = numbered_at +
         case when metadata = '{"n": 1}' then interval '-6 seconds' else interval '10 minutes' end`,
    )
    const second = relay({ confirm })
    await until(() => expect(ann.numbers()).toEqual([1, 2, 3, 2, 3, 4]))
    await second.relay.stop()
    // Also where nothing older is left; and a single process has no other one to wait for.
    await pool.query(`delete from outbox.events where metadata = '{"n": 1}'`)
    const third = relay({ confirm })
    await until(() => expect(ann.numbers().slice(6)).toEqual([2, 3, 4]))
    await third.relay.stop()
    await begin()
    await add('ann', 5)
    await until(() => expect(ann.numbers().slice(9)).toEqual([5]))
    expect(ann.said()).toEqual([GAP])
  })

  it('runs one relay at any time, whichever session is terminated', async () => {
    const { add, begin, listener, relay, terminate } = await setUp()
    const ann = await listener()
    const all = [await begin(), relay(), relay()]
    const atWork = () => all.filter(({ relay: { state } }) => state === 'relaying')
    for (let n = 1; n <= 300; n++) {
      await add('ann', n)
      if (n % 60 !== 0) continue
      await until(() => expect(atWork()).toHaveLength(1))
      await terminate()
    }
    await until(() => expect([...new Set(ann.numbers())]).toEqual(upTo(300)))
    expect(ann.said()).toEqual([GAP])
  })

  it('relays again what was not confirmed', async () => {
    const { add, begin, listener, relay, position } = await setUp()
    await (await begin()).relay.stop()
    const before = await position()
    const ann = await listener()
    await add('ann', 1)
    let broken = true
    const { errors } = relay({ confirm: async () => broken && Promise.reject(new Error('the adapter is away')) })
    await until(() => expect(ann.numbers().length).toBeGreaterThan(1))
    expect(await position()).toBe(before)
    broken = false
    await until(async () => expect(await position()).toBe(ann.heard()[0]?._line.id))
    expect(new Set(ann.heard().map(({ _line }) => _line.id)).size).toBe(1)
    expect(errors[0]).toMatchObject({ message: 'the adapter is away' })
  })

  it('does not stop at an event that can’t be sent: a gap stands for it', async () => {
    const { add, begin, listener, pool } = await setUp()
    const ann = await listener()
    const { errors } = await begin()
    await pool.query(`select outbox.add('ann', '_line', '{"move": true}')`)
    await add('ann', 1)
    await until(() => expect(ann.numbers()).toEqual([1]))
    await until(() => expect(ann.said()).toEqual([GAP, GAP]))
    expect(errors).toMatchObject([{ code: 'bad-event' }])
  })

  it('replays to a browser just what it missed; not if that was pruned', async () => {
    const { add, begin, listener, pool, position } = await setUp()
    const ann = await listener()
    await begin()
    await add('ann', 1)
    await until(() => expect(ann.numbers()).toEqual([1]))
    const cursor = ann.heard()[0]?._line.id
    ann.socket.disconnect()
    await add('ann', 2)
    await add('bob', 3)
    await add(null, 4)
    // Without the relay, or some would arrive both ways.
    const { rows } = await pool.query('select max(id)::integer as newest from outbox.events')
    await until(async () => expect(await position()).toBe(rows[0].newest))
    const back = await listener('ann', { cursor })
    await until(() => expect(back.said()).toEqual([{ replayed: true }]))
    expect(back.numbers()).toEqual([2, 4])

    await pool.query(`select outbox.prune('0 seconds')`)
    const late = await listener('ann', { cursor })
    await add('ann', 5)
    await until(() => expect(late.numbers()).toEqual([5]))
    await until(() => expect(late.said()).toEqual([{ replayed: false }]))
    // Of another database, or not ours at all.
    for (const strange of [1_000_000, 'abc', -1]) expect(await replayFrom(pool)({ userId: 'ann' }, strange)).toBe(false)
  })
})
