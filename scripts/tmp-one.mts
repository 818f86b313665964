import { readFileSync, cpSync, rmSync, writeFileSync } from 'node:fs'
import { bundleSimulation, runSimulation, CACHE } from './simulation.js'
const [file, find, replace] = process.argv.slice(2)
const copy = CACHE + '/one'
rmSync(copy, { recursive: true, force: true }); cpSync('src', copy, { recursive: true })
if (file) { const t = readFileSync(copy + '/' + file, 'utf8'); if (!t.includes(find!)) throw new Error('gone'); writeFileSync(copy + '/' + file, t.replace(find!, replace!)) }
const b = await bundleSimulation(copy, 'one-bundle')
console.log(await runSimulation(b, { runs: 1, seed: 1, history: JSON.parse(readFileSync('/tmp/h.json', 'utf8')), trace: true } as never))
