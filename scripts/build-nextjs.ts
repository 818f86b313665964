/** Builds examples/nextjs against the built package. Where Next.js can't be fetched, its tests are skipped. */
import { buildNext } from './backends.js'
import { Missing, orMissing } from './service.js'

const built = await orMissing((async () => buildNext())())
if (built instanceof Missing) console.log(`examples/nextjs was not built: ${built.message}`)
