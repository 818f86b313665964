import { Hub, type Service } from 'tab-election/hub'
import type { Change, Tick } from './events.js'
import { connect } from './socket.js'

export class SocketService implements Service<{ tick: Tick; changed: Change }> {
  readonly namespace = 'socket'
  readonly __events?: { tick: Tick; changed: Change }

  init(hub: Hub): void {
    const socket = connect(hub.name)
    socket.on('connect', () => hub.updateState({ connected: true }))
    for (const name of ['tick', 'changed']) socket.on(name, (payload) => hub.emit(this.namespace, name, payload))
  }
}

// It takes its name and version from the worker's.
new Hub((hub) => hub.register(new SocketService()))
