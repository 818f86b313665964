import { type Request, Router } from 'express'
import { originOf } from 'partyline/server'
import { accountsOf, balanceOf, loanSummaryOf, loansOf, profileOf, transactionsOf } from '../bank.js'
import { changeProfile, pay, setLoanStatus } from '../changes.js'
import { type ApiContext, currentSession, userIdOf } from '../context.js'
import { Id, PaymentInput, ProfileInput, SocketTokenRequest, TransactionQuery } from '../input.js'
import { Refusal } from '../refusal.js'

/** The bank's own routes: an ordinary REST API that knows nothing of sockets, but for the token that opens one. */
export function bankRoutes({ database, sessions }: ApiContext): Router {
  const router = Router()
  const { query } = database
  const on = (request: Request) => database.from(originOf(request))

  router.post('/socket-token', async (request, response) => {
    const wanted = SocketTokenRequest.parse(request.body)
    const session = currentSession(response)
    if (wanted?.userId !== undefined && wanted.userId !== session.userId) {
      throw new Refusal(401, 'Somebody else is signed in now.')
    }
    response.json({ token: await sessions.issueToken(session) })
  })

  router.get('/accounts', async (_request, response) => {
    response.json(await accountsOf(query, userIdOf(response)))
  })
  router.get('/accounts/:id/balance', async (request, response) => {
    response.json(await balanceOf(query, userIdOf(response), Id.parse(request.params.id)))
  })
  router.get('/transactions', async (request, response) => {
    response.json(await transactionsOf(query, userIdOf(response), TransactionQuery.parse(request.query)))
  })
  router.post('/payments', async (request, response) => {
    response.status(201).json(await pay(on(request), userIdOf(response), PaymentInput.parse(request.body)))
  })

  router.get('/loans', async (_request, response) => {
    response.json(await loansOf(query, userIdOf(response)))
  })
  router.get('/loan-summary', async (_request, response) => {
    response.json(await loanSummaryOf(query, userIdOf(response)))
  })
  router.post('/loans/:id/accept', async (request, response) => {
    await setLoanStatus(on(request), userIdOf(response), Id.parse(request.params.id), 'offered', 'accepted')
    response.status(204).end()
  })
  router.post('/loans/:id/withdraw', async (request, response) => {
    await setLoanStatus(on(request), userIdOf(response), Id.parse(request.params.id), 'accepted', 'offered')
    response.status(204).end()
  })

  router.get('/profile', async (_request, response) => {
    response.json(await profileOf(query, userIdOf(response)))
  })
  router.patch('/profile', async (request, response) => {
    response.json(await changeProfile(on(request), userIdOf(response), ProfileInput.parse(request.body)))
  })

  return router
}
