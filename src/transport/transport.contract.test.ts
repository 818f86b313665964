import { describe, it } from 'vitest'
import { openWebSocket, serveSocketIo, serveWebSocket } from '../../test/real-sockets.js'
import { openSse, serveSse } from '../../test/real-sse.js'
import { transportCases } from '../testing/transport-contract.js'
import { openSocketIo } from './socket-io.js'

// The suite that partyline/testing offers to whoever writes a transport.

describe.each([
  ['Socket.IO', { open: openSocketIo, serve: serveSocketIo }],
  ['plain WebSocket', { open: openWebSocket(), serve: serveWebSocket }],
  ['SSE', { open: openSse(), serve: serveSse }],
])('%s transport', (_, options) => {
  for (const { name, run } of transportCases(options)) it(name, run)
})
