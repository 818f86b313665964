import { type Request, type Response, Router } from 'express'
import { allUsers, userById } from '../bank.js'
import { type ApiContext, SESSION_COOKIE, sessionOf } from '../context.js'
import { SignIn } from '../input.js'
import { Refusal } from '../refusal.js'
import { endSockets } from '../sockets.js'

/** Signing in and out, and the two questions that may be asked without it. A demo: there are no passwords. */
export function sessionRoutes({ database, sessions, io }: ApiContext): Router {
  const router = Router()

  const endSession = async (request: Request) => {
    const session = await sessionOf(request, sessions)
    if (!session) return
    await sessions.end(session.id)
    endSockets(io, session.id)
  }
  const cookie = (request: Request) => ({ httpOnly: true, sameSite: 'lax', secure: request.secure, path: '/' }) as const

  router.get('/users', async (_request, response) => {
    response.json(await allUsers(database.query))
  })

  // Not an error when nobody is signed in: the answer to "who am I?" is then null.
  router.get('/me', async (request, response) => {
    const session = await sessionOf(request, sessions)
    response.json(session ? ((await userById(database.query, session.userId)) ?? null) : null)
  })

  router.post('/session', async (request, response: Response) => {
    const { userId } = SignIn.parse(request.body)
    const user = await userById(database.query, userId)
    if (!user) throw new Refusal(404, 'There is no such person at this bank.')
    await endSession(request)
    const { id } = await sessions.start(user.id)
    response.cookie(SESSION_COOKIE, id, cookie(request)).json(user)
  })

  router.delete('/session', async (request, response) => {
    await endSession(request)
    response.clearCookie(SESSION_COOKIE, cookie(request)).status(204).end()
  })

  return router
}
