import { Router } from 'express'
import { accountsOf } from '../bank.js'
import { receive, receiveMany } from '../changes.js'
import { type ApiContext, userIdOf } from '../context.js'
import { BurstInput, IncomingInput } from '../input.js'
import { Refusal } from '../refusal.js'
import { cutConnections } from '../sockets.js'

const PAYERS = ['Nora Falk', 'Studio Amber', 'Jonas Weidner', 'Oakline Records', 'Priya Raman']

/** What no bank has: things that happen to the user at the push of a button. */
export function demoRoutes({ database, io }: ApiContext): Router {
  const router = Router()

  const firstAccountOf = async (userId: string) => {
    const [account] = await accountsOf(database.query, userId)
    if (!account) throw new Refusal(404, 'You have no account.')
    return account.id
  }

  router.post('/incoming', async (request, response) => {
    const input = IncomingInput.parse(request.body)
    const userId = userIdOf(response)
    const amount = input?.amount ?? 500 + Math.floor(Math.random() * 9_500)
    const payer = PAYERS[Math.floor(Math.random() * PAYERS.length)] ?? 'Somebody'
    const accountId = input?.accountId ?? (await firstAccountOf(userId))
    response.status(201).json(await receive(database, userId, accountId, amount, payer))
  })

  router.post('/burst', async (request, response) => {
    const { accountId, count } = BurstInput.parse(request.body)
    const userId = userIdOf(response)
    await receiveMany(database, userId, accountId ?? (await firstAccountOf(userId)), count)
    response.status(201).json({ count })
  })

  router.post('/cut', (_request, response) => {
    cutConnections(io, userIdOf(response))
    response.status(204).end()
  })

  return router
}
