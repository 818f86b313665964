/** tab-election's spokes, and its hub with a socket in a SharedWorker. What a change makes stale is debounced, as above. */
import debounce from 'lodash-es/debounce.js'
import { Spoke } from 'tab-election/hub'
import { attached, handlers, invalidate, run } from './app.js'
import type { Change, Tick } from './events.js'
import type { SocketService } from './tab-election-hub.js'
import workerUrl from './tab-election-hub.ts?worker&url'

const invalidateLater = debounce(invalidate, 300)
const spoke = new Spoke({ workerUrl, name: run, version: '1', useSharedWorker: true })
const socket = spoke.client<SocketService>('socket')

socket.on('tick', (tick: Tick) => handlers.tick(tick))
socket.on('changed', (change: Change) => {
  handlers.changed(change)
  invalidateLater(change)
})
const look = () => {
  if (spoke.state['connected'] === true) attached()
}
spoke.onState(look)
look()
