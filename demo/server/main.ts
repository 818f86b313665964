// npm start: the wall and the bank, on one port, until Ctrl+C.
import { startDemo } from './server.js'

const port = Number(process.env['PORT'] ?? 4400)
const host = process.env['HOST'] ?? '127.0.0.1'
const databaseUrl = process.env['DATABASE_URL'] || undefined

try {
  const demo = await startDemo({ port, host, databaseUrl })
  const where = databaseUrl ? 'your PostgreSQL' : 'a PostgreSQL of its own, in memory'
  console.log(`The wall: ${demo.url}       twelve tabs, with a socket each and with Partyline`)
  console.log(`The bank: ${demo.url}/bank  open it in as many tabs as you like`)
  console.log(`Data in ${where}. Ctrl+C ends it.`)

  const stop = () => {
    // A second Ctrl+C ends it the hard way.
    process.once('SIGINT', () => process.exit(1))
    demo.close().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
} catch (error) {
  const busy = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
  if (busy) console.error(`Port ${port} is taken. Try another one: PORT=${port + 1} npm start`)
  else console.error('The demo could not start:', error)
  process.exit(1)
}
