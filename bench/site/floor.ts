/** The floor: a bare worker that posts. Nothing is fetched anew, and nobody minds if the worker dies. */
import { attached, handlers, run } from './app.js'
import type { Change, Tick } from './events.js'

const { port } = new SharedWorker(new URL('./floor-worker.ts', import.meta.url), { type: 'module', name: run })
port.onmessage = ({ data }: MessageEvent<'up' | Tick | readonly Change[]>) => {
  if (data === 'up') attached()
  else if ('length' in data) data.forEach(handlers.changed)
  else handlers.tick(data)
}
