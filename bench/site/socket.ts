import { io, type Socket } from 'socket.io-client'

/** The same for everybody who opens a socket by hand. */
export const connect = (run: string): Socket => io({ transports: ['websocket'], query: { run } })
