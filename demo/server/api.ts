import { setTimeout as delay } from 'node:timers/promises'
import express, { type ErrorRequestHandler, type RequestHandler } from 'express'
import { z } from 'zod'
import { type ApiContext, sessionOf } from './context.js'
import { Refusal } from './refusal.js'
import { bankRoutes } from './routes/bank.js'
import { demoRoutes } from './routes/demo.js'
import { sessionRoutes } from './routes/session.js'
import { wallRoutes } from './routes/wall.js'
import type { SessionStore } from './sessions.js'

/** The REST API. Without a session only the sign-in routes answer. */
export function createApi(context: ApiContext): express.Router {
  const { sessions, stats, faults, walls } = context
  const router = express.Router()

  // The data changes at any moment, and TanStack Query is the only cache.
  router.use((_request, response, next) => {
    response.set('Cache-Control', 'no-store')
    next()
  })
  // Before the bank's own statistics: hundreds of tiles' requests a second are none of theirs.
  if (walls) router.use('/wall', express.json({ limit: '1kb' }), wallRoutes(walls), answerErrors)
  router.use(async (request, _response, next) => {
    stats.record({
      method: request.method,
      path: request.originalUrl,
      tab: request.get('x-tab'),
      userId: (await sessionOf(request, sessions))?.userId,
      at: Date.now(),
    })
    if (faults.apiDelay > 0) await delay(faults.apiDelay)
    next()
  })
  router.use(express.json({ limit: '10kb' }))
  router.use(sessionRoutes(context))
  router.use(requireSession(sessions))
  router.use(bankRoutes(context))
  router.use('/demo', demoRoutes(context))
  router.use(() => {
    throw new Refusal(404, 'There is nothing at this address.')
  })
  router.use(answerErrors)
  return router
}

function requireSession(sessions: SessionStore): RequestHandler {
  return async (request, response, next) => {
    const session = await sessionOf(request, sessions)
    if (!session) throw new Refusal(401, 'Please sign in.')
    // The page sends the user that it acts for. After another user has signed in in another tab, the cookie is theirs, and
    // a tab that still shows the former user must not get their data.
    const expected = request.get('x-user')
    if (expected !== undefined && expected !== session.userId) {
      throw new Refusal(401, 'Somebody else is signed in now.')
    }
    response.locals['session'] = session
    next()
  }
}

/** Every failure answers JSON with one sentence for people, and with one for each field that was filled in wrongly. */
const answerErrors: ErrorRequestHandler = (error: unknown, _request, response, _next) => {
  if (error instanceof Refusal) {
    response.status(error.status).json({ error: error.message })
  } else if (error instanceof z.ZodError) {
    const fields = Object.fromEntries(error.issues.map(({ path, message }) => [path.join('.'), message]))
    response.status(400).json({ error: error.issues[0]?.message ?? 'The request was not understood.', fields })
  } else if (error instanceof Error && 'status' in error && typeof error.status === 'number' && error.status < 500) {
    // From express's own body parser.
    response.status(error.status).json({ error: 'The request was not understood.' })
  } else {
    console.error(error)
    response.status(500).json({ error: 'Something went wrong on our side. Please try again.' })
  }
}
