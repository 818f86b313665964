/** The usual hook: a socket in each tab, `invalidateQueries` for each event. */
import { attached, handlers, invalidate, run } from './app.js'
import { connect } from './socket.js'

connect(run)
  .on('connect', attached)
  .on('tick', handlers.tick)
  .on('changed', (change) => {
    handlers.changed(change)
    invalidate(change)
  })
