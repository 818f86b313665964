// The entry of a simulation's process: it reads its request from the command line and prints its result as the last line.
import { type SimulationRequest, simulate } from './main.js'

const request = JSON.parse(process.argv[2] ?? '{}') as SimulationRequest
const result = await simulate(request)
process.stdout.write(`\n${JSON.stringify(result)}\n`)
process.exit(0)
