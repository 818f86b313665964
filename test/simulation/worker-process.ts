import { type Orders, simulate } from './main.js'

const orders = JSON.parse(process.argv[2] ?? '{}') as Orders
const outcome = await simulate(orders)
process.stdout.write(`\n${JSON.stringify(outcome)}\n`)
process.exit(0)
