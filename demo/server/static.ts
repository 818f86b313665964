import { existsSync } from 'node:fs'
import { join } from 'node:path'
import express from 'express'
import type { Faults } from './telemetry.js'

/** The page may load from this origin and connect to it, and to no other. The SharedWorker works under such a policy. */
const POLICY = [
  "default-src 'self'",
  "connect-src 'self' ws: wss:",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The built page. */
export function servePage(directory: string, faults: Faults): express.Router {
  const router = express.Router()

  router.use((request, response, next) => {
    if (faults.workerMissing && /worker/i.test(request.path)) {
      response.status(404).type('text').send('Not found')
      return
    }
    response.set({
      'Content-Security-Policy': POLICY,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'same-origin',
    })
    next()
  })

  router.use(
    express.static(directory, {
      // Always revalidated, mostly answered with 304: a new build is used at the next load.
      setHeaders: (response) => response.setHeader('Cache-Control', 'no-cache'),
    }),
  )

  router.get('/', (_request, response, next) => {
    if (existsSync(join(directory, 'index.html'))) {
      next()
      return
    }
    response.status(503).type('text').send('The page is not built yet. Run "npm run build:demo", then reload.')
  })
  return router
}
