import { Missing } from '../scripts/service.js'

/**
 * Starts a service that some tests need. Resolves to undefined where the machine has none: then they are skipped. In CI
 * (`process.env.CI`) they have to run, so that a missing service fails the file. Nothing is installed from here.
 */
export async function startForTests<T>(start: () => Promise<T>): Promise<T | undefined> {
  try {
    return await start()
  } catch (thrown) {
    if (!(thrown instanceof Missing) || process.env['CI']) throw thrown
    console.log(`Skipped tests: ${thrown.message}`)
    return undefined
  }
}
