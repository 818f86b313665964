import { io } from 'socket.io-client'
import type { Power, Wire } from './place.js'

/** The usual recipe: a socket in each tab, and `invalidateQueries` for each event. */
export function openOwnSocket({ place, client, token, onEvent, onChange }: Power): Wire {
  const socket = io({
    transports: ['websocket'],
    query: { wall: place.wall, half: place.half },
    // Without credentials the server refuses, and `connect_error` tries again.
    auth: (done) => void token().then(done, () => done({})),
  })
  let waiting: (() => void)[] | undefined

  socket.on('balance_updated', ({ accountId }: { accountId: string }) => {
    const apply = () => {
      onEvent()
      void client.invalidateQueries({ queryKey: ['balance', accountId] })
    }
    if (waiting) waiting.push(apply)
    else apply()
  })
  socket.on('connect', onChange)
  socket.on('disconnect', onChange)
  socket.on('connect_error', () => {
    // Socket.IO leaves it at that when the server has refused.
    if (!socket.active) setTimeout(() => socket.connect(), 1_000)
    onChange()
  })

  return {
    read: () => ({ isConnected: socket.connected, hub: undefined }),
    freeze(isFrozen) {
      const late = waiting ?? []
      waiting = isFrozen ? [] : undefined
      for (const apply of late) apply()
    },
  }
}
