import { io, type Socket } from 'socket.io-client'

/** The same for all subjects that open a socket by hand. */
export const connect = (run: string): Socket => io({ transports: ['websocket'], query: { run } })
