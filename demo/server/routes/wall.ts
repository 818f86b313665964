import { type Request, type Response, Router } from 'express'
import { BurstCount, WallHalf, WallRate } from '../input.js'
import { Refusal } from '../refusal.js'
import type { Wall, Walls } from '../wall.js'

/** What the wall's page and its tiles ask for, without a sign-in. Only what the tiles ask for is counted. */
export function wallRoutes(walls: Walls): Router {
  const router = Router()
  const wallOf = (request: Request<{ wall: string }>): Wall => {
    const wall = walls.find(request.params.wall)
    if (!wall) throw new Refusal(404, 'This wall has been taken down. Please reload.')
    return wall
  }

  router.post('/', async (_request, response) => {
    response.status(201).json({ id: (await walls.open()).id })
  })
  router.get('/:wall', async (request, response) => {
    response.json(await wallOf(request).view())
  })
  router.post('/:wall/rate', (request, response) => {
    wallOf(request).setRate(WallRate.parse(request.body).eventsPerSecond)
    response.status(204).end()
  })
  router.post('/:wall/burst', async (request, response) => {
    await wallOf(request).change(BurstCount.parse(request.body).count)
    response.status(204).end()
  })
  router.post('/:wall/restart', (request, response) => {
    wallOf(request).restart()
    response.status(204).end()
  })
  router.post('/:wall/stop-api', (request, response) => {
    wallOf(request).stopApi()
    response.status(204).end()
  })

  /** A tile's request: counted, and refused while the server acts as if it were away. */
  const tile = (request: Request<{ wall: string; half: string }>, response: Response): Wall => {
    const wall = wallOf(request)
    const meter = wall.meters[WallHalf.parse(request.params.half)]
    meter.countRequest()
    // One connection carries one request at a time, so what it writes until the end is the answer.
    const { socket } = request
    const before = socket.bytesWritten
    response.once('close', () => meter.countBytes(socket.bytesWritten - before))
    if (wall.isRestarting) throw new Refusal(503, 'The server is restarting.')
    return wall
  }
  router.get('/:wall/:half/balance', async (request, response) => {
    const wall = tile(request, response)
    if (wall.isApiDown) throw new Refusal(503, 'The API is down.')
    response.json(await wall.balance())
  })
  router.post('/:wall/:half/token', async (request, response) => {
    response.json({ token: await tile(request, response).token() })
  })
  return router
}
