/** A throw-away Redis for the tests and the demo: finds the system's, else says what to do. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endProcess, freePort, requireProgram, spawnWithUs, untilListening } from './service.js'

export interface Redis {
  readonly url: string
  /** Ends it; what it held is gone. */
  stop(): Promise<void>
}

/** Starts one on loopback that keeps nothing. Rejects with a sentence when there is none to be had. */
export async function startRedis(): Promise<Redis> {
  const program = requireProgram('redis-server')
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'partyline-redis-'))
  const settings = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
  const server = spawnWithUs(program, settings, folder)
  const remove = () => rmSync(folder, { recursive: true, force: true })
  server.once('exit', remove)
  await untilListening(server, () => answersPing(port))
  return { url: `redis://127.0.0.1:${port}`, stop: () => endProcess(server) }
}

/** Inline PING: needs no client. */
async function answersPing(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    socket.write('PING\r\n')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    return answer.toString().startsWith('+PONG')
  } finally {
    socket.destroy()
  }
}
