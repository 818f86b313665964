/** The usual hook with a debounce: a socket in each tab, and one invalidation when a burst is over. */
import debounce from 'lodash-es/debounce.js'
import { attached, handlers, invalidate, run } from './app.js'
import { connect } from './socket.js'

const invalidateLater = debounce(invalidate, 300)

connect(run)
  .on('connect', attached)
  .on('tick', handlers.tick)
  .on('changed', (change) => {
    handlers.changed(change)
    invalidateLater(change)
  })
