/** The floor: a bare worker that posts. Nothing is refetched, and a dead worker is not replaced. */
import { attached, handlers, run } from './app.js'
import type { Change, Tick } from './events.js'

const { port } = new SharedWorker(new URL('./floor-worker.ts', import.meta.url), { type: 'module', name: run })
port.onmessage = ({ data }: MessageEvent<'up' | Tick | readonly Change[]>) => {
  if (data === 'up') attached()
  else if ('length' in data) data.forEach(handlers.changed)
  else handlers.tick(data)
}
