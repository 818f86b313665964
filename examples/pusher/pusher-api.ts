/** What an app says to a Pusher server. Laravel, and Pusher's libraries for servers, have this built in. */
import { createHash, createHmac } from 'node:crypto'

export interface PusherApp {
  readonly id: string
  readonly key: string
  readonly secret: string
}

export const sign = (secret: string, text: string): string => createHmac('sha256', secret).update(text).digest('hex')

/** The answer of the app's endpoint to a client that may listen to a private channel. */
export const authOf = ({ key, secret }: PusherApp, socketId: string, channel: string): string =>
  `${key}:${sign(secret, `${socketId}:${channel}`)}`

/** The query that proves a request of the HTTP API. `nowS`: seconds since 1970. */
export function signedQuery({ key, secret }: PusherApp, method: string, path: string, body: string, nowS: number) {
  const query = new URLSearchParams({
    auth_key: key,
    auth_timestamp: String(nowS),
    auth_version: '1.0',
    body_md5: createHash('md5').update(body).digest('hex'),
  })
  return `${query}&auth_signature=${sign(secret, `${method}\n${path}\n${query}`)}`
}

/** Sends an event to all who listen to a channel. */
export async function trigger(app: PusherApp, server: string, channel: string, name: string, data: object) {
  const path = `/apps/${app.id}/events`
  const body = JSON.stringify({ name, channels: [channel], data: JSON.stringify(data) })
  const query = signedQuery(app, 'POST', path, body, Math.floor(Date.now() / 1_000))
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${server}${path}?${query}`, { method: 'POST', headers, body })
  if (!response.ok) throw new Error(`the Pusher server answered ${response.status}`)
}
