import { describe, expect, it } from 'vitest'
import { holdMissed, readMissed, sendMissed } from './recovery.js'

// The order of what a recovered connection is sent, with an adapter whose every answer comes when the test says so.

/** An adapter with a log; the offset stands behind an event's arguments. */
function recovering() {
  const log: unknown[][] = []
  const data = {}
  const adapter = {
    restoreSession: async (): Promise<object | null> => ({
      sid: 's',
      pid: 'p',
      rooms: [],
      data,
      missedPackets: [...log],
    }),
    persistSession: () => undefined,
  }
  holdMissed({ adapter })
  const outgoing = new Set<(...args: unknown[]) => void>()
  const sent: string[] = []
  const socket = {
    data,
    disconnect: () => sent.push('disconnect'),
    onAnyOutgoing: (listener: (...args: unknown[]) => void) => outgoing.add(listener),
    offAnyOutgoing: (listener: (...args: unknown[]) => void) => outgoing.delete(listener),
  }
  return {
    socket,
    sent,
    outgoing,
    restore: () => (adapter.restoreSession as (pid: string, offset: string) => Promise<object | null>)('p', '0'),
    happens: (event: string, ...args: unknown[]) => void log.push([event, ...args, `offset of ${event}`]),
    /** As another process sends it, to a socket that the adapter finds. */
    live(event: string) {
      sent.push(event)
      for (const listener of outgoing) listener(event, `offset of ${event}`)
    },
    emit: (event: string, ...args: unknown[]) => sent.push(event === '_line' ? JSON.stringify(args[0]) : event),
  }
}

/** Up to the moment at which its client is told that it is connected. */
async function upToConnect() {
  const recovered = recovering()
  recovered.happens('before')
  expect(await recovered.restore()).toMatchObject({ missedPackets: [] })
  recovered.happens('during')
  expect(await readMissed(recovered.socket)).toBe(true)
  return recovered
}

describe('a recovered connection', () => {
  it('is sent what it missed in the turn in which it is connected: nothing live can overtake it', async () => {
    const { socket, emit, sent, live, outgoing } = await upToConnect()
    const done = sendMissed(socket)(emit)
    expect(sent).toEqual(['before', 'during'])
    live('after')
    await done
    expect(sent).toEqual(['before', 'during', 'after'])
    expect(outgoing.size).toBe(0)
  })

  it('is sent what happened in the gap between the last look and its connection', async () => {
    const { socket, emit, sent, happens } = await upToConnect()
    happens('in between')
    await sendMissed(socket)(emit)
    expect(sent).toEqual(['before', 'during', 'in between'])
  })

  it('is sent that late if newer events have overtaken it, and is not sent twice what came live', async () => {
    const { socket, emit, sent, happens, live } = await upToConnect()
    happens('in between')
    happens('after')
    const done = sendMissed(socket)(emit)
    live('after')
    await done
    expect(sent).toEqual(['before', 'during', 'after', 'in between'])

    const other = await upToConnect()
    other.happens('after')
    const otherDone = sendMissed(other.socket)(other.emit)
    other.live('after')
    await otherDone
    expect(other.sent).toEqual(['before', 'during', 'after'])
  })

  it('is not let in, or is ended, if its user was ended meanwhile', async () => {
    const early = recovering()
    early.happens('before')
    await early.restore()
    early.happens('_line', { ended: true })
    expect(await readMissed(early.socket)).toBe(false)

    const late = await upToConnect()
    late.happens('_line', { ended: true })
    await sendMissed(late.socket)(late.emit)
    expect(late.sent.at(-1)).toBe('disconnect')

    const gone = recovering()
    gone.happens('_line', { ended: true })
    expect(await gone.restore()).toBeNull()
  })

  it('that came in past all this was sent everything by Socket.IO, and gets nothing twice', async () => {
    const { socket, emit, sent } = recovering()
    expect(await readMissed(socket)).toBe(true)
    await sendMissed(socket)(emit)
    expect(sent).toEqual([])
  })
})
