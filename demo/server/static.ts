import { existsSync } from 'node:fs'
import { join } from 'node:path'
import express from 'express'
import type { Faults } from './telemetry.js'

/** The page may load from here and talk to here, and to nobody else. The SharedWorker lives well under such a policy. */
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
      // Always ask, mostly hear "not modified": a new build is seen at the next load.
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
