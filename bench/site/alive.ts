/** GitHub's client in a SharedWorker, as its pages use it: one message for each event and tab. What a change makes stale is debounced. */
import debounce from 'lodash-es/debounce.js'
import { attached, handlers, invalidate, run } from './app.js'
import type { Change, Tick } from './events.js'

const invalidateLater = debounce(invalidate, 300)
const { port } = new SharedWorker(new URL('./alive-worker.ts', import.meta.url), { type: 'module', name: run })
port.onmessage = ({ data }: MessageEvent<'up' | { readonly tick: Tick } | { readonly changed: Change }>) => {
  if (data === 'up') attached()
  else if ('tick' in data) handlers.tick(data.tick)
  else {
    handlers.changed(data.changed)
    invalidateLater(data.changed)
  }
}
