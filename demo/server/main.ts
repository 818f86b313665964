// npm start: Ledger, on one port, until Ctrl+C.
import { startDemo } from './server.js'

const port = Number(process.env['PORT'] ?? 4400)
const host = process.env['HOST'] ?? '127.0.0.1'
const databaseUrl = process.env['DATABASE_URL'] || undefined

try {
  const demo = await startDemo({ port, host, databaseUrl })
  const where = databaseUrl ? 'your PostgreSQL' : 'a PostgreSQL of its own, in memory'
  console.log(`Ledger is open at ${demo.url} (data in ${where}). Open it in as many tabs as you like.`)

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
  else console.error('Ledger could not start:', error)
  process.exit(1)
}
