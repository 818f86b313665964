import { existsSync } from 'node:fs'
import { join } from 'node:path'
import express from 'express'
import type { Faults } from './telemetry.js'

/**
 * The page may load from this origin and connect to it, and to no other; the wall frames its tiles. The SharedWorker works under
 * such a policy.
 */
const POLICY = [
  "default-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'self'",
].join('; ')

/** The built pages; `first`: which of them is at `/`. The bank is at `/bank`. */
export function servePage(directory: string, faults: Faults, first: 'wall' | 'bank'): express.Router {
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

  if (first === 'bank') router.get('/', (request, response) => response.redirect(`/bank${request.url.slice(1)}`))
  router.use(
    express.static(directory, {
      // `/bank` is bank.html.
      extensions: ['html'],
      // Always revalidated, mostly answered with 304: a new build is used at the next load.
      setHeaders: (response) => response.setHeader('Cache-Control', 'no-cache'),
    }),
  )

  router.get(['/', '/bank'], (_request, response, next) => {
    if (existsSync(join(directory, 'bank.html'))) {
      next()
      return
    }
    response.status(503).type('text').send('The page is not built yet. Run "npm run build:demo", then reload.')
  })
  return router
}
